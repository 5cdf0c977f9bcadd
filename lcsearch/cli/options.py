"""Settings as options, and option types that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from lcsearch.cli.completion import Run, of_setting, starting
from lcsearch.core import plugins
from lcsearch.core.errors import InputError, Named, did_you_mean
from lcsearch.core.plugins import Kind
from lcsearch.runs.inputs import INPUTS, inputs_of
from lcsearch.runs.setting import Call, Setting
from lcsearch.runs.words import bounds, default, placeholder

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Value(click.ParamType[Any]):
    """A value of a setting, checked as the setting says.

    Args:
        setting: The setting.
    """

    name = "value"

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What help shows for the value."""
        return placeholder(self.setting)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read one."""
        return self.setting.read(value) if isinstance(value, str) else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """What the shell offers."""
        return of_setting(self.setting, incomplete)


class OneOf(click.ParamType[str]):
    """One of some names; a wrong one gets the nearest.

    Args:
        choices: The valid names.
    """

    name = "name"

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What help shows for the value."""
        return "|".join(self.choices)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check one."""
        text = str(value)
        if text not in self.choices:
            advice = did_you_mean(text, self.choices)
            raise InputError(f"{text!r} is not allowed; {advice}", setting=setting_of(param))
        return text

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """What the shell offers."""
        return starting(incomplete, self.choices)


class NameOf(click.ParamType[str]):
    """The name of something that people add; a wrong one gets the nearest.

    Args:
        kind: What it names.
    """

    name = "name"

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What help shows for the value."""
        return "|".join(plugins.names(self.kind))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check one."""
        plugins.check(self.kind, str(value))
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """What the shell offers."""
        return starting(incomplete, plugins.names(self.kind))


def options_of(call: Call) -> Decorator:
    """A decorator: options for all settings that a command takes; None where the user gives none."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed(inputs_of(call).values()):
            command = _option(setting, call)(command)
        return command

    return decorate


def _option(setting: Setting, call: Call) -> Decorator:
    typed: dict[str, Any] = {"type": Value(setting)}
    if setting.base is bool:
        typed = {"is_flag": True}
    elif setting.repeated:
        typed |= {"multiple": True, "callback": lambda _context, _param, values: values or None}
    return click.option(
        setting.option or "--" + setting.name.replace("_", "-"),
        setting.name,
        help=_help(setting, call),
        required=call in setting.required,
        default=None,
        **typed,
    )


def _help(setting: Setting, call: Call) -> str:
    """What a setting is, its bounds, and its default; that of a run that is there is what it has."""
    again = call in ("resume", "retrain") and len(setting.takes) > 1
    usual = "" if again or call in setting.required else default(setting)
    about = [*bounds(setting), *([f"default: {usual}"] if usual else [])]
    more = "  Repeat it for more." if setting.repeated else ""
    return setting.help + more + (f"  [{'; '.join(about)}]" if about else "")


def setting_of(param: click.Parameter | None) -> str:
    """The setting that an option takes, for messages."""
    return "value" if param is None else max(param.opts, key=len).lstrip("-").replace("-", "_")


def as_option(named: Named) -> str:
    """A setting as the user types it: ``--init scratch``, ``--new-head``, ``--no-inherit``."""
    own = {setting.name: setting.option.split("/")[0] for setting in INPUTS if setting.option}
    option = own.get(named.setting, "--" + named.setting.replace("_", "-"))
    if named.value is False:
        return option.replace("--", "--no-", 1)
    return option if named.value in (None, True) else f"{option} {named.value}"


RUN_ARGUMENT = click.argument("run", type=Run(), metavar="RUN")
"""The run directory that a command works on."""

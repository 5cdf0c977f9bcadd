"""Option types that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lcsearch.core import plugins
from lcsearch.core.errors import InputError, Named, did_you_mean
from lcsearch.core.plugins import Kind
from lcsearch.core.text import parse_count, parse_seconds

_NAMES = {"given": "from"}
"""Options that are not called as their setting."""


class Count(click.ParamType[int]):
    """A size as people write it: 250000, 500k, 1.5M."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read one."""
        return value if isinstance(value, int) else parse_count(value, setting_of(param))


class Seconds(click.ParamType[float]):
    """A time as people write it: 90s, 30m, 2h."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read one."""
        return value if isinstance(value, float) else parse_seconds(value, setting_of(param))


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


def setting_of(param: click.Parameter | None) -> str:
    """The setting that an option takes, for messages."""
    return "value" if param is None else max(param.opts, key=len).lstrip("-").replace("-", "_")


def as_option(named: Named) -> str:
    """A setting as the user types it: ``--init scratch``."""
    option = "--" + _NAMES.get(named.setting, named.setting).replace("_", "-")
    return option if named.value is None or named.value is True else f"{option} {named.value}"


RUN_ARGUMENT = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
"""The run directory that a command works on."""

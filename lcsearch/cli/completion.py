"""What the shell offers at TAB: names without importing what they name, and run directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from lcsearch.core import plugins
from lcsearch.core.packages import installed
from lcsearch.runs.setting import Setting
from lcsearch.runs.values import FilePath

_NAMED = {kind.setting: kind for kind in plugins.KINDS if kind.setting}


def _nets_of_torchvision(_: str) -> Iterable[str]:
    from lcsearch.nets.backbones import _torchvision

    return _torchvision.names()


def _nets_of_timm(_: str) -> Iterable[str]:
    if not installed("timm"):
        return ()
    import timm

    names: list[str] = timm.list_models()
    return names


def _sets_of_torchvision(_: str) -> Iterable[str]:
    from lcsearch.data import by_torchvision

    return by_torchvision.names()


def _folders(begun: str) -> Iterable[str]:
    """Folders, with a slash behind them, in the folder that was begun to be written."""
    place = begun[: begun.rfind(os.sep) + 1]
    try:
        inside = sorted(Path(place).expanduser().iterdir())
    except OSError:
        return ()
    return [f"{place}{path.name}{os.sep}" for path in inside if path.is_dir() and path.name[:1] != "."]


_BEYOND: Mapping[str, Mapping[str, Callable[[str], Iterable[str]]]] = {
    "backbone": {"torchvision:": _nets_of_torchvision, "timm:": _nets_of_timm},
    "dataset": {"folder:": _folders, "torchvision:": _sets_of_torchvision, "hf:": _folders},
}
"""What settings take beside names: how it begins, and how it goes on after what is written of it."""


def of_setting(setting: Setting, incomplete: str) -> list[CompletionItem]:
    """What a setting may be."""
    kind = _NAMED.get(setting.name)
    if kind is not None and setting.repeated:
        return starting(incomplete, [f"{name}:" for name in plugins.names(kind)])
    if kind is not None:
        return starting(incomplete, _names(setting.name, kind, incomplete))
    if get_origin(setting.base) is Literal:
        return starting(incomplete, map(str, get_args(setting.base)))
    if setting.kind is FilePath or {"FILE", "PATH", "DIR"} & set(setting.metavar.split("|")):
        return [CompletionItem(incomplete, type="file")]
    return []


def _names(setting: str, kind: plugins.Kind, incomplete: str) -> Iterable[str]:
    """What a setting may be that takes names and more."""
    beyond = _BEYOND.get(setting, {})
    lead, colon, begun = incomplete.partition(":")
    going_on = beyond.get(lead + colon)
    if going_on is None:
        return [*plugins.names(kind), *beyond]
    return [f"{lead}:{name}" for name in going_on(begun)]


def starting(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    """Those names that begin so."""
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Run(click.Path):
    """The path of a run directory; the shell offers those that hold a run, in ``runs`` too."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Runs that begin so; other folders where there is none, since runs may lie in them."""
        before = incomplete[: incomplete.rfind(os.sep) + 1]
        places = [before] if before else ["", f"runs{os.sep}"]
        found = {path for place in places for path in _runs_in(place) if path.startswith(incomplete)}
        return [CompletionItem(path) for path in sorted(found)] or [CompletionItem(incomplete, type="dir")]


def _runs_in(place: str) -> list[str]:
    """Runs that lie in a folder, which is empty or ends in a slash, as the user would write them."""
    try:
        inside = list(Path(place).iterdir())
    except OSError:
        return []
    return [f"{place}{path.name}" for path in inside if (path / "run.yaml").is_file()]

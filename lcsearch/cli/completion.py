"""What the shell offers at TAB: names without importing what they name, and run directories."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from lcsearch.core import plugins
from lcsearch.runs.setting import Setting
from lcsearch.runs.values import FilePath

_NAMED = {kind.setting: kind for kind in plugins.KINDS if kind.setting}
_BEYOND = {"backbone": ("torchvision:", "timm:"), "dataset": ("folder:", "torchvision:", "hf:")}
"""What settings take beside names, as far as it begins alike for all."""


def of_setting(setting: Setting, incomplete: str) -> list[CompletionItem]:
    """What a setting may be."""
    kind = _NAMED.get(setting.name)
    if kind is not None and setting.repeated:
        return starting(incomplete, [f"{name}:" for name in plugins.names(kind)])
    if kind is not None:
        return starting(incomplete, [*plugins.names(kind), *_BEYOND.get(setting.name, ())])
    if get_origin(setting.base) is Literal:
        return starting(incomplete, map(str, get_args(setting.base)))
    if setting.kind is FilePath or {"FILE", "PATH", "DIR"} & set(setting.metavar.split("|")):
        return [CompletionItem(incomplete, type="file")]
    return []


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

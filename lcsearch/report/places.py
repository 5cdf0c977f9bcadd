"""Where figures go on a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lcsearch.report.drawing import Drawing


@dataclass(frozen=True, slots=True)
class Place:
    """One figure of a section.

    Attributes:
        name: What the page calls it.
        button: What the button says that switches to it.
        height: Pixels, where the figure has a height of its own.
    """

    name: str
    button: str
    height: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the page: a heading, words, and figures that share its place."""

    title: str
    words: str
    figures: tuple[Place, ...]


def places(figures: Iterable[tuple[str, str, go.Figure | None]]) -> tuple[Place, ...]:
    """Return the places of (name, button, figure); none for what has no figure."""
    return tuple(Place(name, button, f.layout.height) for name, button, f in figures if f is not None)


def sections(drawings: Sequence[Drawing]) -> tuple[Section, ...]:
    """Return the sections of the page in the order of their plots.

    A plot that asks to share the section of one that there is not has its own.
    """
    own = [d.name for d in drawings if d.beside not in {other.name for other in drawings if not other.beside}]
    together = {name: [d for d in drawings if name in (d.name, d.beside)] for name in own}
    return tuple(
        Section(members[0].title, members[0].words, places((d.name, d.button, d.figure) for d in members))
        for members in together.values()
    )

"""Many trials as lines: which of them are drawn, and how they share a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from lcsearch.core.records import TrialRecord

MOST_LINES = 250
"""More lines than this cover each other."""


@dataclass(frozen=True, slots=True)
class Line:
    """One trial as a line."""

    trial: int
    x: Sequence[float]
    y: Sequence[float]


def drawn(trials: Sequence[TrialRecord], kept: set[int]) -> list[TrialRecord]:
    """Return those of many trials that are drawn, by number: some always, and an even sample of the rest.

    Args:
        trials: What could be drawn, by number.
        kept: Numbers of those that are always drawn.
    """
    first = [t for t in trials if t.number in kept]
    rest = [t for t in trials if t.number not in kept]
    room = max(0, MOST_LINES - len(first))
    if len(rest) > room:
        rest = [rest[k * len(rest) // room] for k in range(room)]
    return sorted([*first, *rest], key=lambda t: t.number)


def sample_words(shown: int, of: int) -> str:
    """Say that only a sample is drawn; nothing where all are."""
    return "" if shown == of else f" {shown} of {of} trials are drawn."


def add_lines(figure: go.Figure, name: str, lines: Sequence[Line], **look: Any) -> None:
    """Add lines as one trace, with gaps between them; ``customdata`` names the trial at every vertex.

    Args:
        figure: What they are added to.
        name: The trace's name in the legend.
        lines: The lines; nothing is added where there are none.
        look: Further properties of Plotly's scatter trace.
    """
    if not lines:
        return
    x: list[float | None] = []
    y: list[float | None] = []
    trials: list[int | None] = []
    for line in lines:
        x += [*line.x, None]
        y += [*line.y, None]
        trials += [*[line.trial] * len(line.x), None]
    figure.add_trace(go.Scatter(name=name, x=x, y=y, customdata=trials, hoverinfo="text", **look))

"""Where the time of the workers went, trial by trial and in sum."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord
from lcsearch.core.stopwatch import PHASES
from lcsearch.report.plot import Plot
from lcsearch.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from lcsearch.report.times import time_unit

_COLOURS = {
    "forward": BLUE, "backward": SKY, "optimizer": GREEN, "step": GREEN, "data": ORANGE,
    "evaluation": PURPLE, "fitting": VERMILION, "checkpoint": BLUE, "waiting": GREY, "starting": ORANGE,
    "building": SKY, "other": PURPLE,
}  # fmt: skip
_HEIGHT = 380
"""Its own: the timeline beside it is as low as its workers are few."""
_SECOND_OF_A_COLOUR = {"step": "/", "checkpoint": "/", "starting": "/", "building": "/", "other": "/"}


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the workers.

    Attributes:
        trials: The trials that were measured, by number.
        seconds: What each phase took of each of them, in the same order; phases without any are left out.
    """

    trials: tuple[int, ...]
    seconds: dict[str, tuple[float, ...]]


def spent(run: RunRecord) -> Spent | None:
    """Return where the time of the workers went; None where it was not measured."""
    measured = [t for t in run.trials if t.spent]
    if not measured:
        return None
    phases: list[str] = [phase for phase in PHASES if any(t.spent.get(phase) for t in measured)]
    rows = {phase: tuple(t.spent.get(phase, 0.0) for t in measured) for phase in phases}
    return Spent(tuple(t.number for t in measured), rows)


def spent_figure(data: Spent) -> go.Figure:
    """Draw a bar for each trial, of a piece for each phase; the legend has the shares of all of them."""
    whole = sum(map(sum, data.seconds.values()))
    longest = max(map(sum, zip(*data.seconds.values(), strict=True)))
    scale, unit = time_unit(longest)
    figure = go.Figure()
    for phase, seconds in data.seconds.items():
        figure.add_trace(
            go.Bar(
                name=f"{phase} {100 * sum(seconds) / whole:.1f} %",
                x=[str(trial) for trial in data.trials],
                y=[round(s / scale, 4) for s in seconds],
                customdata=list(data.trials),
                hovertemplate=f"trial %{{x}}: %{{y:.4~g}} {unit} {phase}<extra></extra>",
                marker={"color": _COLOURS[phase], "pattern": {"shape": _SECOND_OF_A_COLOUR.get(phase, "")}},
            )
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.15,
        xaxis={"title": {"text": "trial"}, "type": "category", "showgrid": False},
        yaxis={"title": {"text": f"{unit} of its worker"}, "rangemode": "tozero"},
        hovermode="closest",
        height=_HEIGHT,
    )
    return figure


PLOT = Plot(
    "Where the time of the workers went",
    spent,
    spent_figure,
    lambda data: "A bar for each trial; beside each phase stands its share of the time of all trials.",
    missing="Nothing was measured: the setting profile was off.",
    beside="timeline",
    button="what for",
)

"""Who ran what when."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord, State
from lcsearch.report.plot import Plot
from lcsearch.report.style import STATE_COLOURS, STATE_WORDS, plotly_text, short_name
from lcsearch.report.times import end_of, time_unit

_MOST_HEIGHT = 640
_MOST_EDGED_BARS = 200


@dataclass(frozen=True, slots=True)
class Bar:
    """One trial on one worker, in seconds since the start of the run."""

    trial: int
    worker: str
    state: State
    start: float
    seconds: float


def timeline(run: RunRecord) -> tuple[Bar, ...] | None:
    """Return when each trial ran where, earliest first; None before the first epoch."""
    started = [(t, t.started_at) for t in run.trials if t.started_at is not None and t.epochs]
    if not started:
        return None
    origin = min(start for _, start in started)
    bars = [
        Bar(t.number, t.worker or "worker", t.state, start - origin, end_of(t) - start)
        for t, start in started
    ]
    return tuple(sorted(bars, key=lambda b: (b.start, b.trial)))


def timeline_figure(bars: tuple[Bar, ...]) -> go.Figure:
    """Draw which worker ran which trial when."""
    scale, unit = time_unit(max(b.start + b.seconds for b in bars))
    edge = 0.5 if len(bars) <= _MOST_EDGED_BARS else 0
    figure = go.Figure()
    for state, colour in STATE_COLOURS.items():
        members = [b for b in bars if b.state == state]
        if members:
            figure.add_trace(
                go.Bar(
                    name=STATE_WORDS.get(state, state),
                    base=[round(b.start / scale, 4) for b in members],
                    x=[round(b.seconds / scale, 4) for b in members],
                    y=[plotly_text(short_name(b.worker)) for b in members],
                    customdata=[b.trial for b in members],
                    orientation="h",
                    hoverinfo="text",
                    marker={"color": colour, "line": {"width": edge, "color": "rgba(255,255,255,0.7)"}},
                )
            )
    figure.update_layout(
        barmode="overlay",
        bargap=0.3,
        xaxis={"title": {"text": f"{unit} since the start"}, "rangemode": "tozero"},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticksuffix": " "},
        hovermode="closest",
        height=min(_MOST_HEIGHT, 120 + 34 * len({b.worker for b in bars})),
    )
    return figure


PLOT = Plot(
    "Who ran what when",
    timeline,
    timeline_figure,
    lambda bars: "Each bar is a trial; click one to see it above.",
    missing="No trial has run yet.",
    button="when",
)

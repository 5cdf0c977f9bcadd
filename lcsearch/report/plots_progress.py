"""Drawing how the search went: learning curves, hypervolume, workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from lcsearch.report.plots_layers import short
from lcsearch.report.progress import Bar, LearningCurve, LearningCurves, Progress
from lcsearch.report.style import BLUE, GREY, ORANGE, SKY, STATE_COLOURS, STATE_WORDS, VERMILION, plotly_text

_MARGIN = {"l": 10, "r": 10, "t": 10, "b": 10}
_MOST_WORKERS_HEIGHT = 640
_MOST_EDGED_BARS = 200


def learning_figure(data: LearningCurves) -> go.Figure:
    """Draw accuracy after each epoch: one trace a kind, with gaps between trials; rungs as lines."""
    figure = go.Figure()
    rest = [c for c in data.curves if not c.on_front]
    groups = (
        ("complete", [c for c in rest if c.state == "complete"], SKY, 1.0, 0.55),
        ("stopped early", [c for c in rest if c.state == "pruned"], ORANGE, 1.0, 0.55),
        ("failed or running", [c for c in rest if c.state in ("failed", "running")], GREY, 1.0, 0.7),
        ("front", [c for c in data.curves if c.on_front], BLUE, 2.5, 1.0),
    )
    for name, curves, colour, width, opacity in groups:
        _add_curves(figure, name, curves, {"color": colour, "width": width}, opacity)
    stops = [c for c in rest if c.state == "pruned"]
    if stops:
        figure.add_trace(_stops(stops))
    for rung in data.rungs:
        figure.add_vline(rung, line={"color": GREY, "dash": "dot", "width": 1})
        figure.add_annotation(
            x=rung,
            y=0,
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            text=f"rung {rung}",
            font={"size": 11},
        )
    finals = sorted(c.accuracies[-1] for c in data.curves)
    top = max(max(c.accuracies) for c in data.curves)
    low = max(finals[len(finals) // 10] - 6, min(min(c.accuracies) for c in data.curves) - 1, top - 30)
    longest = max(c.epochs[-1] for c in data.curves)
    first = min(c.epochs[0] for c in data.curves)
    figure.update_layout(
        xaxis={"title": {"text": "epoch"}, "range": [first - 0.3, longest + 0.3], **_whole(longest)},
        yaxis={"title": {"text": "accuracy, %"}, "range": [round(min(low, top - 1), 2), round(top + 0.6, 2)]},
        hovermode="closest",
        margin=_MARGIN,
    )
    return figure


def progress_figure(data: Progress, axis: str) -> go.Figure:
    """Draw hypervolume against ``epochs`` trained or against ``time``."""
    x: Sequence[float] = data.epochs
    name = "epochs trained, all trials together"
    if axis == "time":
        scale, unit = _time_unit(data.seconds[-1])
        x = [round(s / scale, 4) for s in data.seconds]
        name = f"{unit} of search"
    figure = go.Figure(
        go.Scatter(
            name="hypervolume",
            x=list(x),
            y=[round(100 * v, 3) for v in data.hypervolume],
            mode="lines+markers" if len(x) <= 60 else "lines",
            line={"shape": "hv", "color": BLUE, "width": 2},
            marker={"size": 5},
            hovertemplate="%{y:.1f} % after %{x}<extra></extra>",
        )
    )
    figure.update_layout(
        xaxis={"title": {"text": name}, "rangemode": "tozero"},
        yaxis={"title": {"text": "hypervolume, % of the box"}, "rangemode": "tozero"},
        margin=_MARGIN,
    )
    return figure


def timeline_figure(bars: Sequence[Bar]) -> go.Figure:
    """Draw which worker ran which trial when."""
    scale, unit = _time_unit(max(b.start + b.seconds for b in bars))
    workers = list(dict.fromkeys(b.worker for b in bars))
    figure = go.Figure()
    edge = 0.5 if len(bars) <= _MOST_EDGED_BARS else 0
    for state, colour in STATE_COLOURS.items():
        members = [b for b in bars if b.state == state]
        if members:
            figure.add_trace(
                go.Bar(
                    name=STATE_WORDS.get(state, state),
                    base=[round(b.start / scale, 4) for b in members],
                    x=[round(b.seconds / scale, 4) for b in members],
                    y=[plotly_text(short(b.worker)) for b in members],
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
        height=min(_MOST_WORKERS_HEIGHT, 120 + 34 * len(workers)),
        margin=_MARGIN,
    )
    return figure


def _add_curves(
    figure: go.Figure, name: str, curves: Sequence[LearningCurve], style: dict[str, Any], opacity: float
) -> None:
    lines = any(len(c.epochs) > 1 for c in curves)
    if not curves or (not lines and curves[0].state == "pruned"):
        return  # a stop after the first epoch is one point, and `_stops` marks it
    x: list[int | None] = []
    y: list[float | None] = []
    trials: list[int | None] = []
    for curve in curves:
        x += [*curve.epochs, None]
        y += [*[round(a, 3) for a in curve.accuracies], None]
        trials += [*[curve.trial] * len(curve.epochs), None]
    figure.add_trace(
        go.Scatter(
            name=name,
            x=x,
            y=y,
            customdata=trials,
            mode="lines" if lines else "markers",
            line=style,
            marker={"color": style["color"]},
            opacity=opacity,
            hoverinfo="text",
        )
    )


def _stops(curves: Sequence[LearningCurve]) -> go.Scatter:
    return go.Scatter(
        name="where it was stopped",
        x=[c.epochs[-1] for c in curves],
        y=[round(c.accuracies[-1], 3) for c in curves],
        customdata=[c.trial for c in curves],
        mode="markers",
        hoverinfo="text",
        marker={"symbol": "x", "size": 6, "color": VERMILION},
    )


def _whole(longest: int) -> dict[str, Any]:
    return {"dtick": 1} if longest <= 12 else {}


def _time_unit(seconds: float) -> tuple[float, str]:
    for size, unit in ((3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return size, unit
    return 1.0, "seconds"

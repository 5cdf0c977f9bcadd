"""Drawing the front: accuracy against size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from lcsearch.core.text import format_count
from lcsearch.report.frontdata import FrontData
from lcsearch.report.points import Point
from lcsearch.report.style import LOOKS, Look

AXIS_TITLES = {"params": "parameters", "macs": "multiply-accumulates per image"}


def front_figure(data: FrontData) -> go.Figure:
    """Draw accuracy against size. Every point carries its trial's number as ``customdata``."""
    figure = go.Figure(layout=_layout(data))
    axis = data.axis
    _add(figure, "stopped", data.stopped, axis, "markers", opacity=0.55)
    _add(figure, "complete", data.complete, axis, "markers", opacity=0.75)
    _add(figure, "running", data.running, axis, "markers")
    _add(figure, "uniform", data.uniform, axis, "lines+markers")
    _add(figure, "thinner", data.thinner, axis, "lines+markers")
    _add(figure, "front", data.front, axis, "lines+markers")
    _add(figure, "baseline", [data.baseline] if data.baseline else [], axis, "markers")
    _add(figure, "final", data.final, axis, "lines+markers")
    _add(figure, "final_rest", data.final_rest, axis, "markers")
    if data.untrained:
        figure.add_trace(_untrained(data))
        figure.update_layout(
            yaxis={"domain": [0.07, 1]},
            yaxis2={"domain": [0, 0.04], "range": [-1, 1], "visible": False, "fixedrange": True},
            xaxis={"anchor": "free", "position": 0},
        )
    return figure


def line_style(look: Look) -> dict[str, Any]:
    """Return Plotly's line of a look."""
    return {"color": look.colour, "dash": look.dash, "width": 2}


def _add(
    figure: go.Figure, kind: str, points: Sequence[Point], axis: Any, mode: str, opacity: float | None = None
) -> None:
    if not points:
        return
    look = LOOKS[kind]
    errors = [p.error or 0.0 for p in points]
    figure.add_trace(
        go.Scatter(
            name=look.name,
            meta=kind,
            x=[p.size(axis) for p in points],
            y=[round(p.accuracy, 4) for p in points],
            customdata=[p.trial for p in points],
            mode=mode,
            hoverinfo="text",
            hovertext=[_tested(p) for p in points] if kind.startswith("final") else None,
            opacity=opacity,
            marker={"color": look.colour, "symbol": look.marker, "size": look.size, "line": _edge(look)},
            line=line_style(look) if "lines" in mode else None,
            error_y={"array": errors, "thickness": 1.5, "width": 4} if any(errors) else None,
        )
    )


def _tested(point: Point) -> str:
    spread = "" if point.error is None else f" ± {point.error:.2f}"
    kind = "on from its compressed weights" if point.init == "compressed" else "from scratch"
    return (
        f"trial {point.trial}, retrained {kind}<br>test accuracy {point.accuracy:.2f}{spread} %"
        f"<br>{format_count(point.params)} parameters"
    )


def _edge(look: Look) -> dict[str, Any]:
    """A thin edge keeps overlapping markers apart; open markers are nothing but edge."""
    return {"width": 1.5} if look.marker.endswith("open") else {"width": 1, "color": "rgba(20,24,30,0.65)"}


def _untrained(data: FrontData) -> go.Scatter:
    look = LOOKS["untrained"]
    return go.Scatter(
        name=look.name,
        meta="untrained",
        x=[size for _, size, _ in data.untrained],
        y=[0] * len(data.untrained),
        yaxis="y2",
        customdata=[trial for trial, _, _ in data.untrained],
        mode="markers",
        hoverinfo="text",
        marker={"color": look.colour, "symbol": look.marker, "size": look.size, "line": {"width": 1.5}},
    )


def _layout(data: FrontData) -> dict[str, Any]:
    return {
        "xaxis": {
            "type": "log",
            "title": {"text": AXIS_TITLES[data.axis]},
            "dtick": "D2",
            "tickformat": "~s",
        },
        "yaxis": {"title": {"text": "accuracy, %"}, "range": [round(v, 3) for v in data.window]},
        "hovermode": "closest",
        "dragmode": "zoom",
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
    }

"""Drawing layers and choices: kept share, importance, parallel coordinates."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from lcsearch.report.importance import Importance
from lcsearch.report.layerdata import HeatMap, heat_labels
from lcsearch.report.parallel import Parallel, ParallelLine
from lcsearch.report.style import BLUE, GREY, ORANGE, SCALE, VERMILION, plotly_text

_MARGIN = {"l": 10, "r": 10, "t": 10, "b": 10}
_MOST_CELL_TEXT = 14
_MOST_BARS = 20
_BANDS = (
    (0.0, GREY, "lower third"),
    (1 / 3, ORANGE, "middle third"),
    (2 / 3, BLUE, "best third of accuracy"),
)


def heat_figure(data: HeatMap) -> go.Figure:
    """Draw the kept share of every layer in every front model."""
    shown = [[None if v is None else round(100 * v, 1) for v in row] for row in data.kept]
    words = [[_cell_words(data, i, j) for j in range(len(data.trials))] for i in range(len(data.layers))]
    text = [["" if v is None else f"{v:.0f}" if v >= 9.5 else f"{v:.1f}" for v in row] for row in shown]
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=list(heat_labels(data)),
            y=[plotly_text(short(name)) for name in data.layers],
            customdata=[list(data.trials)] * len(data.layers),
            hovertext=words,
            hoverinfo="text",
            text=text if len(data.trials) <= _MOST_CELL_TEXT else None,
            texttemplate="%{text}" if len(data.trials) <= _MOST_CELL_TEXT else None,
            colorscale=SCALE,
            zmin=0,
            zmax=100,
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": "kept, %", "side": "right"}, "thickness": 12, "outlinewidth": 0},
        )
    )
    figure.update_layout(
        xaxis={"type": "category", "tickangle": -45, "showgrid": False},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticksuffix": " "},
        height=130 + max(160, 24 * len(data.layers)),
        margin=_MARGIN,
    )
    return figure


def importance_figure(data: Importance) -> go.Figure:
    """Draw the share of each choice in accuracy and in parameters, largest above."""
    order = sorted(range(len(data.choices)), key=lambda i: -(data.accuracy[i] + data.params[i]))[:_MOST_BARS]
    names = [plotly_text(short(data.choices[i])) for i in order]
    figure = go.Figure()
    kinds = (("accuracy", data.accuracy, BLUE, ""), ("parameters", data.params, VERMILION, "/"))
    for name, shares, colour, pattern in kinds:
        values = [round(100 * shares[i], 1) for i in order]
        figure.add_trace(
            go.Bar(
                name=name,
                y=names,
                x=values,
                orientation="h",
                marker={"color": colour, "pattern": {"shape": pattern, "solidity": 0.25}},
                hovertext=[
                    f"{n}: {v:.1f} % of what changes {name}" for n, v in zip(names, values, strict=True)
                ],
                hoverinfo="text",
            )
        )
    figure.update_layout(
        barmode="group",
        bargap=0.25,
        xaxis={"title": {"text": "share, %"}, "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "type": "category", "ticksuffix": " "},
        height=110 + max(120, 30 * len(order)),
        margin=_MARGIN,
    )
    return figure


def parallel_figure(data: Parallel) -> go.Figure:
    """Draw each trial as a line across the axes, in three bands of accuracy and the front.

    Lines of one band are one trace, with gaps; ``customdata`` names the trial at every vertex.
    """
    figure = go.Figure()
    accuracies = sorted(line.accuracy for line in data.lines)
    limits = [accuracies[int(share * (len(accuracies) - 1))] for share, _, _ in _BANDS]
    rest = [line for line in data.lines if not line.on_front]
    for place, (_, colour, name) in enumerate(_BANDS):
        upper = limits[place + 1] if place + 1 < len(limits) else float("inf")
        members = [x for x in rest if (place == 0 or x.accuracy >= limits[place]) and x.accuracy < upper]
        _add_lines(figure, name, members, {"color": colour, "width": 1}, 0.45)
    _add_lines(
        figure, "front", [x for x in data.lines if x.on_front], {"color": VERMILION, "width": 2.5}, 1.0
    )
    for place, axis in enumerate(data.axes):
        figure.add_vline(place, line={"color": GREY, "width": 1}, layer="below")
        for height, words, anchor in ((0, axis.low, "top"), (1, axis.high, "bottom")):
            figure.add_annotation(
                x=place, y=height, text=plotly_text(words), yanchor=anchor, showarrow=False, font={"size": 11}
            )
    figure.update_layout(
        xaxis={
            "tickvals": list(range(len(data.axes))),
            "ticktext": [plotly_text(short(axis.name)) for axis in data.axes],
            "range": [-0.4, len(data.axes) - 0.6],
            "showgrid": False,
            "zeroline": False,
            "tickangle": -35,
        },
        yaxis={"range": [-0.12, 1.12], "visible": False, "fixedrange": True},
        hovermode="closest",
        dragmode="select",
        height=420,
        margin={**_MARGIN, "l": 64, "t": 36},
    )
    return figure


def _add_lines(
    figure: go.Figure, name: str, lines: list[ParallelLine], style: dict[str, Any], opacity: float
) -> None:
    if not lines:
        return
    x: list[int | None] = []
    y: list[float | None] = []
    trials: list[int | None] = []
    for line in lines:
        x += [*range(len(line.heights)), None]
        y += [*line.heights, None]
        trials += [*[line.trial] * len(line.heights), None]
    figure.add_trace(
        go.Scatter(
            name=name,
            x=x,
            y=y,
            customdata=trials,
            mode="lines+markers",
            line=style,
            marker={"size": 3, "color": style["color"]},
            opacity=opacity,
            hoverinfo="text",
        )
    )


def short(name: str) -> str:
    """Cut a long module name in the middle, which says least."""
    return name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"


def _cell_words(data: HeatMap, row: int, column: int) -> str:
    kept = data.kept[row][column]
    share = "no such layer in the backbone" if kept is None else f"keeps {100 * kept:.1f} %"
    return f"{plotly_text(data.layers[row])}<br>trial {data.trials[column]}: {share}"

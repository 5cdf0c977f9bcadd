"""Heat maps of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lcsearch.report.style import COLOUR_SCALE, plotly_text, short_name


def heat_figure(
    values: Sequence[Sequence[float | None]],
    *,
    columns: Sequence[str],
    rows: Sequence[str],
    hovers: Sequence[Sequence[str]],
    numbers: Sequence[Sequence[str]] | None,
    colours: Mapping[str, Any],
    **look: Any,
) -> go.Figure:
    """Draw a heat map with a row for each layer.

    Args:
        values: One row a layer; None where there is nothing.
        columns: Names of the columns, in Plotly's markup.
        rows: Names of the layers, plain.
        hovers: What each cell says, in Plotly's markup.
        numbers: What is written into each cell; None where there is no room.
        colours: What Plotly's colour bar says.
        look: Further properties of Plotly's heat map.
    """
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(columns),
            y=[plotly_text(short_name(name)) for name in rows],
            hovertext=hovers,
            hoverinfo="text",
            text=numbers,
            texttemplate="%{text}" if numbers else None,
            colorscale=COLOUR_SCALE,
            xgap=1,
            ygap=1,
            colorbar={"thickness": 12, "outlinewidth": 0, **colours},
            **look,
        )
    )
    figure.update_layout(
        xaxis={"type": "category", "tickangle": -45, "showgrid": False},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticksuffix": " "},
        height=130 + max(160, 24 * len(rows)),
    )
    return figure

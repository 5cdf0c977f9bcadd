"""The page of ``lcsearch sensitivity``: a heat map of what each layer loses when it is compressed alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from lcsearch.core.text import format_count, format_share
from lcsearch.report.page import document, plain_figures
from lcsearch.report.plots_layers import short
from lcsearch.report.sections import heading, plot, table
from lcsearch.report.style import SCALE, plotly_text

if TYPE_CHECKING:
    from lcsearch.compress.sensitivity import Row, Sensitivity

Column = tuple[float, float]
"""About the alpha, and the rank / primary filters; infinity for full coefficients."""


def sensitivity_figure(found: Sensitivity) -> go.Figure:
    """Draw the loss's rise for each layer (rows) and way to compress it (columns), on a log scale."""
    layers = list(dict.fromkeys(row.layer for row in found.rows))
    columns = columns_of(found.rows)
    cells = {(row.layer, column_of(row)): row for row in found.rows}
    grid = [[cells.get((layer, column)) for column in columns] for layer in layers]
    figure = go.Figure(
        go.Heatmap(
            z=[[None if row is None else _height(row.divergence) for row in line] for line in grid],
            x=[_label(column) for column in columns],
            y=[plotly_text(short(layer)) for layer in layers],
            hovertext=[["" if row is None else _words(row, found) for row in line] for line in grid],
            hoverinfo="text",
            text=[["" if row is None else _number(row.divergence) for row in line] for line in grid],
            texttemplate="%{text}",
            colorscale=SCALE,
            reversescale=True,
            zmin=-3,
            zmax=0.5,
            xgap=1,
            ygap=1,
            colorbar={
                "title": {"text": "divergence, nats", "side": "right"},
                "tickvals": [-3, -2, -1, 0],
                "ticktext": ["0.001", "0.01", "0.1", "1"],
                "thickness": 12,
                "outlinewidth": 0,
            },
        )
    )
    figure.update_layout(
        xaxis={"type": "category", "tickangle": -45, "showgrid": False},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False, "ticksuffix": " "},
        height=130 + max(160, 24 * len(layers)),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
    )
    return figure


def render_sensitivity(found: Sensitivity, title: str) -> str:
    """Return the heat map and its numbers as one HTML page.

    Args:
        found: What was measured.
        title: Backbone and data set.
    """
    facts = (
        f"backbone: {found.baseline_accuracy:.2f} %, loss {found.baseline_loss:.4f}",
        f"on {found.images:,} images",
        "one layer compressed at a time",
    )
    remark = (
        "How far the model's classes move from the backbone's when one layer alone is compressed: "
        "0 is the same answer, 1 is far off. Nothing was fine-tuned."
    )
    head = ["layer", "alpha", "coefficients", "parameters", "loss", "accuracy", "divergence"]
    rows = [
        [
            row.layer,
            format_share(row.alpha),
            coefficients(row),
            format_count(row.params),
            f"{row.loss:.4f}",
            f"{row.accuracy:.2f} %",
            _number(row.divergence),
        ]
        for row in found.rows
    ]
    content = (
        f"<main>{heading(title, facts)}<section><h2>What each layer loses</h2><p>{remark}</p>"
        f"{plot(('sensitivity',), 'What each layer loses when compressed alone')}</section>"
        f"<section><h2>Numbers</h2>{table(head, rows, 'numbers')}</section></main>"
    )
    return document(title, content, plain_figures({"sensitivity": sensitivity_figure(found)}))


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The ways to compress that occur: by falling alpha, full coefficients first, then by falling rank."""
    return sorted({column_of(row) for row in rows}, key=lambda column: (-column[0], -column[1]))


def column_of(row: Row) -> Column:
    """What a row has in common with rows of other layers: about the same alpha, and the same rank ratio."""
    return 2.0 ** (round(4 * math.log2(row.alpha)) / 4), row.ratio or math.inf


def coefficients(row: Row) -> str:
    """The kind of coefficient matrix in words."""
    return "full" if row.rank is None else f"rank {row.rank}"


def _label(column: Column) -> str:
    alpha, ratio = column
    words = format_share(alpha)
    return words if ratio == math.inf else f"{words}, rank {format_share(ratio)} p"


def _height(divergence: float) -> float:
    return round(math.log10(max(divergence, 1e-4)), 3)


def _number(divergence: float) -> str:
    return f"{divergence:.2f}" if divergence >= 0.0095 else f"{divergence:.1g}"


def _words(row: Row, found: Sensitivity) -> str:
    lines = (
        plotly_text(row.layer),
        f"alpha {format_share(row.alpha)}, {coefficients(row)}: {format_count(row.params)} parameters",
        f"accuracy {row.accuracy:.2f} % (backbone {found.baseline_accuracy:.2f} %)",
        f"loss {row.loss:.4f}, divergence {_number(row.divergence)}",
    )
    return "<br>".join(lines)

"""The page of ``lcsearch sensitivity``: a heat map of what each layer loses when it is compressed alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from lcsearch.core.text import format_count, format_share
from lcsearch.report.fill import document
from lcsearch.report.heat import heat_figure
from lcsearch.report.payload import plain_figures
from lcsearch.report.places import places
from lcsearch.report.style import plotly_text

if TYPE_CHECKING:
    from lcsearch.compress.sensitivity import Row, Sensitivity

Column = tuple[float, float]
"""About the alpha, and the rank / primary filters; infinity for full coefficients."""


def sensitivity_figure(found: Sensitivity) -> go.Figure:
    """Draw the divergence of each layer (rows) and way to compress it (columns), on a log scale."""
    layers = list(dict.fromkeys(row.layer for row in found.rows))
    columns = columns_of(found.rows)
    cells = {(row.layer, column_of(row)): row for row in found.rows}
    grid = [[cells.get((layer, column)) for column in columns] for layer in layers]
    return heat_figure(
        [[None if row is None else _height(row.divergence) for row in line] for line in grid],
        columns=[_label(column) for column in columns],
        rows=layers,
        hovers=[["" if row is None else _words(row, found) for row in line] for line in grid],
        numbers=[["" if row is None else _number(row.divergence) for row in line] for line in grid],
        colours={
            "title": {"text": "divergence, nats", "side": "right"},
            "tickvals": [-3, -2, -1, 0],
            "ticktext": ["0.001", "0.01", "0.1", "1"],
        },
        reversescale=True,
        zmin=-3,
        zmax=0.5,
    )


def render_sensitivity(found: Sensitivity, title: str) -> str:
    """Return the heat map and its numbers as one HTML page.

    Args:
        found: What was measured.
        title: Backbone and data set.
    """
    figure = sensitivity_figure(found)
    return document(
        "sensitivity.html",
        plain_figures({"sensitivity": figure}),
        title=title,
        remarks=(
            f"backbone: {found.baseline_accuracy:.2f} %, loss {found.baseline_loss:.4f}",
            f"on {found.images:,} images",
            "one layer compressed at a time",
        ),
        figures=places([("sensitivity", "", figure)]),
        head=["layer", "alpha", "coefficients", "parameters", "loss", "accuracy", "divergence"],
        rows=[_cells(row) for row in found.rows],
    )


def _cells(row: Row) -> list[str]:
    return [
        row.layer,
        format_share(row.alpha),
        coefficients(row),
        format_count(row.params),
        f"{row.loss:.4f}",
        f"{row.accuracy:.2f} %",
        _number(row.divergence),
    ]


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

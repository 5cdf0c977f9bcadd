"""The page of ``lcsearch sensitivity``: a heat map of what each layer loses when it is compressed alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from lcsearch.core.text import format_count
from lcsearch.layers.lookup import family_of
from lcsearch.report.fill import document
from lcsearch.report.heat import heat_figure
from lcsearch.report.payload import plain_figures
from lcsearch.report.places import places
from lcsearch.report.style import plotly_text

if TYPE_CHECKING:
    from lcsearch.compress.sensitivity import Row, Sensitivity


def sensitivity_figure(found: Sensitivity) -> go.Figure:
    """Draw the divergence of each layer (rows) and way to compress it (columns), on a log scale."""
    layers = list(dict.fromkeys(row.layer for row in found.rows))
    columns = columns_of(found.rows)
    cells = {(row.layer, row.way.label): row for row in found.rows}
    grid = [[cells.get((layer, column)) for column in columns] for layer in layers]
    return heat_figure(
        [[None if row is None else _height(row.divergence) for row in line] for line in grid],
        columns=columns,
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


def render_sensitivity(found: Sensitivity, title: str, note: str = "") -> str:
    """Return the heat map and its numbers as one HTML page.

    Args:
        found: What was measured.
        title: Backbone and data set.
        note: What is to be said of the images; empty where there is nothing.
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
            *([note] if note else []),
        ),
        figures=places([("sensitivity", "", figure)]),
        head=["layer", "amount", "kind", "parameters", "loss", "accuracy", "divergence"],
        rows=[_cells(row) for row in found.rows],
    )


def _cells(row: Row) -> list[str]:
    return [
        row.layer,
        *cells(row),
        format_count(row.way.params),
        f"{row.loss:.4f}",
        f"{row.accuracy:.2f} %",
        _number(row.divergence),
    ]


def columns_of(rows: Sequence[Row]) -> list[str]:
    """The ways to compress that occur, in words: the least compressed first."""
    order = {row.way.label: row.way.order for row in rows}
    return sorted(order, key=order.__getitem__)


def cells(row: Row) -> tuple[str, str]:
    """How much of the layer is learned, and of what kind it is, in words."""
    return family_of(row.way.spec).cells(row.way.numbers)


def _height(divergence: float) -> float:
    return round(math.log10(max(divergence, 1e-4)), 3)


def _number(divergence: float) -> str:
    return f"{divergence:.2f}" if divergence >= 0.0095 else f"{divergence:.1g}"


def _words(row: Row, found: Sensitivity) -> str:
    lines = (
        plotly_text(row.layer),
        f"{family_of(row.way.spec).words(row.way.spec)}: {format_count(row.way.params)} parameters",
        f"accuracy {row.accuracy:.2f} % (backbone {found.baseline_accuracy:.2f} %)",
        f"loss {row.loss:.4f}, divergence {_number(row.divergence)}",
    )
    return "<br>".join(lines)

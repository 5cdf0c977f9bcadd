"""The page of ``lcsearch sensitivity``: a heat map of what each layer loses when it alone is cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from lcsearch.core.text import format_count, format_share
from lcsearch.layers.lookup import family_of
from lcsearch.report.fill import document
from lcsearch.report.heat import heat_figure
from lcsearch.report.payload import plain_figures
from lcsearch.report.places import places
from lcsearch.report.style import plotly_text

if TYPE_CHECKING:
    from lcsearch.compress.sensitivity import Row, Sensitivity
    from lcsearch.compress.thin_sensitivity import ChannelRow


def sensitivity_figure(found: Sensitivity) -> go.Figure:
    """Draw the divergence of each layer (rows) and way to cut it (columns), on a log scale."""
    layers = list(dict.fromkeys([*(row.layer for row in found.rows), *(row.group for row in found.channels)]))
    thin = {f"channels {format_share(row.kept / row.size)}": row.kept / row.size for row in found.channels}
    columns = [*columns_of(found.rows), *sorted(thin, key=lambda label: -thin[label])]
    cells = {(row.layer, row.way.label): (row.divergence, _words(row, found)) for row in found.rows}
    cells |= {
        (row.group, f"channels {format_share(row.kept / row.size)}"): (
            row.divergence,
            _thin_words(row, found),
        )
        for row in found.channels
    }
    grid = [[cells.get((layer, column)) for column in columns] for layer in layers]
    return heat_figure(
        [[None if cell is None else _height(cell[0]) for cell in line] for line in grid],
        columns=columns,
        rows=layers,
        hovers=[["" if cell is None else cell[1] for cell in line] for line in grid],
        numbers=[["" if cell is None else _number(cell[0]) for cell in line] for line in grid],
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
            "one layer cut at a time",
            *([note] if note else []),
        ),
        figures=places([("sensitivity", "", figure)]),
        head=["layer", "amount", "kind", "parameters", "loss", "accuracy", "divergence"],
        rows=[*map(_cells, found.rows), *map(_thin_cells, found.channels)],
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


def _thin_cells(row: ChannelRow) -> list[str]:
    return [
        row.group,
        f"{row.kept} of {row.size}",
        "channels",
        f"{format_count(row.params)} in all",
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
    cut = f"{family_of(row.way.spec).words(row.way.spec)}: {format_count(row.way.params)} parameters"
    return _hover(plotly_text(row.layer), cut, row, found)


def _thin_words(row: ChannelRow, found: Sensitivity) -> str:
    cut = f"{row.kept} of {row.size} channels: {format_count(row.params)} parameters in all"
    return _hover(plotly_text(row.group), cut, row, found)


def _hover(name: str, cut: str, row: Row | ChannelRow, found: Sensitivity) -> str:
    lines = (
        name,
        cut,
        f"accuracy {row.accuracy:.2f} % (backbone {found.baseline_accuracy:.2f} %)",
        f"loss {row.loss:.4f}, divergence {_number(row.divergence)}",
    )
    return "<br>".join(lines)

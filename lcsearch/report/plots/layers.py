"""Where the parameters are: the share of each layer's that each front model keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.text import format_count
from lcsearch.report.heat import heat_figure
from lcsearch.report.layer_table import plain_sizes
from lcsearch.report.plot import Plot
from lcsearch.report.points import front_line
from lcsearch.report.style import plotly_text

_MOST_NUMBERED_COLUMNS = 14


@dataclass(frozen=True, slots=True)
class Kept:
    """Kept share of parameters, layer by front model.

    Attributes:
        layers: Layer names in module order.
        trials: Front trials, smallest first.
        sizes: Their parameters.
        shares: One row a layer, one column a trial: kept / plain parameters; None where the layer or
            its plain counterpart is missing.
    """

    layers: tuple[str, ...]
    trials: tuple[int, ...]
    sizes: tuple[int, ...]
    shares: tuple[tuple[float | None, ...], ...]


def kept(run: RunRecord) -> Kept | None:
    """Return the kept share of each layer in each front model; None before there is a front."""
    plain = plain_sizes(run)
    by_number = {t.number: t for t in run.trials}
    front = [by_number[p.trial] for p in front_line(run.trials, "params")]
    layers = [name for name, params in plain.items() if params]
    if not front or not layers:
        return None
    columns = [_shares(trial, plain) for trial in front]
    return Kept(
        tuple(layers),
        tuple(t.number for t in front),
        tuple(t.params for t in front),
        tuple(tuple(column.get(name) for column in columns) for name in layers),
    )


def _shares(trial: TrialRecord, plain: Mapping[str, int]) -> dict[str, float]:
    return {layer.name: layer.params / plain[layer.name] for layer in trial.layers if plain.get(layer.name)}


def kept_figure(data: Kept) -> go.Figure:
    """Draw the kept share of every layer in every front model."""
    percent = [[None if v is None else round(100 * v, 1) for v in row] for row in data.shares]
    numbers = [["" if v is None else f"{v:.0f}" if v >= 9.5 else f"{v:.1f}" for v in row] for row in percent]
    return heat_figure(
        percent,
        columns=[f"#{n} · {format_count(size)}" for n, size in zip(data.trials, data.sizes, strict=True)],
        rows=data.layers,
        hovers=[[_hover(data, i, j) for j in range(len(data.trials))] for i in range(len(data.layers))],
        numbers=numbers if len(data.trials) <= _MOST_NUMBERED_COLUMNS else None,
        colours={"title": {"text": "kept, %", "side": "right"}},
        customdata=[list(data.trials)] * len(data.layers),
        zmin=0,
        zmax=100,
    )


def _hover(data: Kept, row: int, column: int) -> str:
    share = data.shares[row][column]
    words = "no such layer in the backbone" if share is None else f"keeps {100 * share:.1f} %"
    return f"{plotly_text(data.layers[row])}<br>trial {data.trials[column]}: {words}"


_WORDS = (
    "The share of each layer's parameters that each front model keeps. Click a column to see its model above."
)

PLOT = Plot(
    "Where the parameters are",
    kept,
    kept_figure,
    lambda data: _WORDS,
    missing="There is no front to compare with the backbone yet.",
)

"""A plot: the sizes of the trials, one bar each."""

from __future__ import annotations

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord
from lcsearch.report.plot import Plot

Sizes = tuple[tuple[int, int], ...]


def sizes(run: RunRecord) -> Sizes | None:
    return tuple((trial.number, trial.params) for trial in run.complete) or None


def bars(data: Sizes) -> go.Figure:
    numbers, params = zip(*data, strict=True)
    return go.Figure(go.Bar(x=numbers, y=params, customdata=numbers))


def words(data: Sizes) -> str:
    return f"Parameters of {len(data)} trials, by number."


SIZES = Plot("Sizes of the trials", sizes, bars, words)

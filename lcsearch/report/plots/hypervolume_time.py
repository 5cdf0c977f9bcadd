"""How hypervolume grew with time."""

from __future__ import annotations

import plotly.graph_objects as go

from lcsearch.report.plot import Plot
from lcsearch.report.plots.hypervolume import Growth, advice, growth, growth_figure
from lcsearch.report.times import time_unit


def _figure(data: Growth) -> go.Figure:
    length, unit = time_unit(data.seconds[-1])
    return growth_figure(data, [round(s / length, 4) for s in data.seconds], f"{unit} of search")


PLOT = Plot("Hypervolume against time", growth, _figure, advice, beside="hypervolume", button="time")

"""How hypervolume grew with time."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go

from lcsearch.report.plots import hypervolume
from lcsearch.report.plots.hypervolume import Growth, growth_figure
from lcsearch.report.times import time_unit


def _figure(data: Growth) -> go.Figure:
    length, unit = time_unit(data.seconds[-1])
    return growth_figure(data, [round(s / length, 4) for s in data.seconds], f"{unit} of search")


PLOT = replace(
    hypervolume.PLOT, title="Hypervolume against time", figure=_figure, beside="hypervolume", button="time"
)

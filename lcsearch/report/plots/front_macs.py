"""The front against multiply-accumulates."""

from __future__ import annotations

from functools import partial

from lcsearch.report.plot import Plot
from lcsearch.report.plots.front import front, front_figure, front_words

PLOT = Plot(
    "Accuracy against multiply-accumulates",
    partial(front, size="macs"),
    front_figure,
    front_words,
    beside="front",
    button="MACs",
)

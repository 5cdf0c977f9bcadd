"""The front against multiply-accumulates."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lcsearch.report.plot import METRIC
from lcsearch.report.plots import front

PLOT = replace(
    front.PLOT,
    title=f"{METRIC} against multiply-accumulates",
    data=partial(front.front, size="macs"),
    beside="front",
    button="MACs",
)

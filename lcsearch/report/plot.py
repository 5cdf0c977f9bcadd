"""What a plot of the report is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord

Record = TypeVar("Record")

METRIC = "{metric}"
"""In a plot's title: the place of what people call an accuracy of the run."""


@dataclass(frozen=True, slots=True)
class Plot(Generic[Record]):
    """One plot of a run: a record taken from the run, and the drawing of that record.

    Its name is that of its file in ``lcsearch.report.plots``, or of its entry point.

    Attributes:
        title: Heading of its section on the page; `METRIC` in it is filled in.
        data: Takes out of a run what is shown, as a plain record; None where the run has nothing for it yet.
        figure: Draws the record. Where a trace has trial numbers as ``customdata``, a click on it shows that
            trial; with ``hoverinfo="text"`` and no ``hovertext`` the page says there what the trial is.
        words: Says under the heading how to read it.
        missing: Says there why nothing is shown, where there is no record.
        beside: Name of the plot whose section it shares, behind a button; empty where it has its own.
        button: What the button says that switches to it; empty in a section of one plot.
    """

    title: str
    data: Callable[[RunRecord], Record | None]
    figure: Callable[[Record], go.Figure]
    words: Callable[[Record], str]
    missing: str = "The run has nothing to show here yet."
    beside: str = ""
    button: str = ""

"""The plots of a run, drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from lcsearch.core import plugins
from lcsearch.core.errors import InputError, one_line
from lcsearch.core.metric import metric_words
from lcsearch.core.records import RunRecord
from lcsearch.report.plot import METRIC, Plot
from lcsearch.report.plots import ORDER, names


@dataclass(frozen=True, slots=True)
class Drawing:
    """One plot of one run.

    Attributes:
        name: What it is asked for by.
        title: Heading of its section on the page.
        words: How to read it, or why there is nothing to show.
        figure: None where the run has nothing for it yet.
        beside: Name of the plot whose section it shares; empty where it has its own.
        button: What the button says that switches to it.
    """

    name: str
    title: str
    words: str
    figure: go.Figure | None
    beside: str = ""
    button: str = ""


def draw(run: RunRecord, name: str) -> Drawing:
    """Draw one plot of a run.

    Raises:
        InputError: No trial has finished an epoch; there is no such plot; or it is another distribution's,
            and does not work.
    """
    plot: Plot[Any] = plugins.find(plugins.PLOT, name)
    if not any(t.epochs or t.accuracy is not None for t in run.trials):
        raise InputError(f"{run.path}: no trial has finished an epoch yet, so there is nothing to report")
    try:
        return _drawn(run, name, plot)
    except Exception as error:
        if name in ORDER:
            raise
        raise InputError(f"{name!r} raised {one_line(error)}", setting="plot") from error


def draw_all(run: RunRecord) -> tuple[Drawing, ...]:
    """Draw every plot of a run, in the order of the page; another distribution's that fails says so.

    Raises:
        InputError: No trial has finished an epoch.
    """
    return tuple(draw(run, name) if name in ORDER else _draw_foreign(run, name) for name in names())


def _drawn(run: RunRecord, name: str, plot: Plot[Any]) -> Drawing:
    record = plot.data(run)
    title = _title(plot.title, run)
    if record is None:
        return Drawing(name, title, plot.missing, None, plot.beside, plot.button)
    return Drawing(name, title, plot.words(record), plot.figure(record), plot.beside, plot.button)


def _title(title: str, run: RunRecord) -> str:
    """A plot's title with the run's metric in the place of it; at the beginning it is written large."""
    words = metric_words(run.metric)
    if title.startswith(METRIC):
        words = words[:1].upper() + words[1:]
    return title.replace(METRIC, words)


def _draw_foreign(run: RunRecord, name: str) -> Drawing:
    try:
        return draw(run, name)
    except InputError as error:
        return Drawing(name, name, "".join(map(str, error.problem)), None)

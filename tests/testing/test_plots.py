from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest

from lcsearch.core import plugins
from lcsearch.core.records import RunRecord
from lcsearch.report.plot import Plot
from lcsearch.testing import check_plot

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", plugins.names(plugins.PLOT))
def test_ours_keep_the_contract(name: str) -> None:
    check_plot(plugins.find(plugins.PLOT, name))


def sizes(run: RunRecord) -> tuple[int, ...] | None:
    return tuple(trial.params for trial in run.complete) or None


def bars(data: tuple[int, ...]) -> go.Figure:
    return go.Figure(go.Bar(y=data))


def words(data: tuple[int, ...]) -> str:
    return f"{len(data)} trials."


GOOD = Plot("Sizes", sizes, bars, words)


def test_a_small_plot_keeps_it() -> None:
    check_plot(GOOD)


def forgets_the_start(run: RunRecord) -> Any:
    return max(trial.params for trial in run.trials)


def changes_the_run(run: RunRecord) -> Any:
    run.settings["settings"]["seed"] += 1
    return sizes(run)


@pytest.mark.parametrize(
    ("plot", "complaint"),
    [
        (replace(GOOD, data=forgets_the_start), r"data\(\) of a run with no trial: ValueError"),
        (replace(GOOD, data=changes_the_run), "it changed what was recorded"),
        (replace(GOOD, data=lambda run: None), "it shows nothing of any run"),
        (replace(GOOD, data=lambda run: lambda: 1, words=str), "written with pickle"),
        (replace(GOOD, words=lambda data: data[99]), r"words\(\) of a run with the backbone alone: IndexErr"),
        (replace(GOOD, words=lambda data: None), "returned None, not text"),
        (replace(GOOD, figure=lambda data: {"data": []}), "returned a dict, no plotly Figure"),
        (replace(GOOD, figure=lambda data: bars((random.randrange(10**9),))), "two figures .* differ"),
        (replace(GOOD, title=" "), "it has no title"),
        (replace(GOOD, beside="front"), "it lies beside 'front', and has no button"),
    ],
)
def test_what_breaks_it_is_said(plot: Plot, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_plot(plot)

"""The contract of a plot."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import plotly.graph_objects as go

from lcsearch.core.records import RunRecord
from lcsearch.core.text import kind_of
from lcsearch.report.plot import Plot
from lcsearch.testing._expect import doing, expect
from lcsearch.testing._samples import runs


def check_plot(plot: Plot[Any]) -> None:
    """Check that a plot is made of every run, or says that there is nothing, and changes nothing.

    Args:
        plot: What its file calls ``PLOT``, or its entry point names.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.report.plot.Plot`.
    """
    expect(
        bool(plot.title.strip()) and bool(plot.missing.strip()), "it has no title, or no words for no data"
    )
    expect(bool(plot.button) or not plot.beside, f"it lies beside {plot.beside!r}, and has no button")
    shown = {what: _check(plot, copy.deepcopy(run), f"a run with {what}") for what, run in runs().items()}
    expect(
        any(shown[what] for what in ("many trials", "trials of every state", "numbers that do not train")),
        "it shows nothing of any run: data() returned None for all of them",
    )


def _check(plot: Plot[Any], run: RunRecord, what: str) -> bool:
    before = pickle.dumps(run)
    with doing(f"data() of {what}"):
        data = plot.data(run)
    if data is not None:
        with doing(f"words() of {what}"):
            words = plot.words(data)
        expect(isinstance(words, str), f"words() of {what} returned {words!r}, not text")
        with doing(f"the data of {what}, written with pickle"):
            pickle.dumps(data)
        expect(_drawn(plot, data, what) == _drawn(plot, data, what), f"two figures of {what} differ")
    expect(pickle.dumps(run) == before, f"it changed what was recorded of {what}")
    return data is not None


def _drawn(plot: Plot[Any], data: Any, what: str) -> Any:
    with doing(f"figure() of {what}"):
        figure = plot.figure(data)
    returned = kind_of(figure)
    expect(isinstance(figure, go.Figure), f"figure() of {what} returned {returned}, no plotly Figure")
    with doing(f"the figure of {what}, written as JSON"):
        return json.loads(figure.to_json())

"""A run as notebooks show it."""

from __future__ import annotations

import copy
import pickle
import re
import sys
from dataclasses import fields
from types import ModuleType, SimpleNamespace
from typing import Any

import plotly.graph_objects as go
import pytest
from hand_made import make_run, make_trial

import lcsearch
from lcsearch.core.errors import InputError
from lcsearch.core.records import RunRecord
from lcsearch.report import shown
from lcsearch.report.shown import Run

RECORD = make_run(
    make_trial(0, 93.0, 9000, "baseline", counts=(("a", 100),), label="plain backbone"),
    make_trial(1, 92.0, 900, label="<thin>"),
    make_trial(2, 91.0, 950),
    make_trial(3, 94.0, 6000, state="running"),
)
RUN = Run.of(RECORD)


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr.*?>(.*?)</tr>", html, re.DOTALL)
    return [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]


def test_it_is_the_record_and_stays_it_when_it_travels() -> None:
    for run in (RUN, pickle.loads(pickle.dumps(RUN)), copy.deepcopy(RUN)):
        assert isinstance(run, Run) and isinstance(run, RunRecord)
        assert all(getattr(run, f.name) == getattr(RECORD, f.name) for f in fields(RunRecord))
    assert repr(RUN) == "Run('runs/hand made': 4 trials, 2 on the front)"


def test_the_front_is_a_table_and_a_plot() -> None:
    html = RUN._repr_html_()
    assert cells(html) == [
        ["trial", "accuracy", "parameters", "fewer", "MACs", "what"],
        ["1", "92.00 %", "900", "10×", "9.00k", "&lt;thin&gt;"],
        ["0", "93.00 %", "9.00k", "", "90.0k", "plain backbone"],
    ]
    assert "net on digits" in html and "3 complete, 1 running" in html
    assert 'title="trial 1: &lt;thin&gt;\n92.00 %' in html
    assert "Plotly.newPlot" in html and len(html) < 50_000, "plotly.js is loaded, not embedded"
    assert len(re.findall(r"<script[^>]* src=", html)) == 1


def test_accuracies_before_tuning_have_a_column_where_there_are_any() -> None:
    run = Run.of(make_run(make_trial(0, 93.0, origin="baseline", metrics={"accuracy_before": 12.5})))
    assert cells(run._repr_html_())[0][2] == "before tuning"
    assert cells(run._repr_html_())[1][2] == "12.50 %"


def test_before_the_first_trial_is_complete_it_says_so() -> None:
    html = Run.of(make_run(make_trial(0, None, state="running")))._repr_html_()
    assert "No trial is complete yet." in html and "Plotly" not in html


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a kernel shows: contents by type, and figures that Plotly is asked to show."""
    seen: list[Any] = []
    shell, display = ModuleType("IPython"), ModuleType("IPython.display")
    shell.get_ipython = lambda: SimpleNamespace(kernel="a kernel")  # type: ignore[attr-defined]
    display.display = lambda content, **_: seen.append(content)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(go.Figure, "show", lambda figure: seen.append(figure))
    return seen


@pytest.mark.parametrize("there", [True, False])
def test_in_a_notebook_plotly_shows_the_plot_if_it_can(
    outputs: list[Any], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(shown, "installed", lambda package: there)
    RUN._ipython_display_()
    assert outputs[0]["text/plain"] == repr(RUN) and "<table>" in outputs[0]["text/html"]
    assert ("Plotly" in outputs[0]["text/html"]) == (not there)
    assert [type(figure) for figure in outputs[1:]] == [go.Figure] * there


def test_on_a_terminal_it_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    RUN._ipython_display_()
    assert capsys.readouterr().out == f"{RUN!r}\n"


def test_what_is_no_run_is_refused() -> None:
    with pytest.raises(InputError, match="nowhere"):
        lcsearch.read_run("nowhere")

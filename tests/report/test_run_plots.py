"""The plots of a run by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from hand_made import make_run, make_trial
from plugin_files import installed

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.report import plots
from lcsearch.report.plots.front import front
from lcsearch.report.run_plots import RunPlots

MODULE = """
import plotly.graph_objects as go

from lcsearch.report.plot import Plot

OURS = Plot(
    "Ours",
    lambda run: [trial.number for trial in run.trials],
    lambda record: go.Figure(go.Scatter(x=record, y=record, customdata=record, hoverinfo="text")),
    lambda record: "Words.",
)
"""

RUN = make_run(
    make_trial(0, 93.0, 9000, "baseline", counts=(("a", 100),), label="plain"),
    make_trial(1, 92.0, 900, label="<mine>"),
)


def test_every_plot_of_the_page_is_there() -> None:
    assert dir(RunPlots(RUN)) == sorted(name.replace("-", "_") for name in plots.ORDER)
    assert all(isinstance(getattr(RunPlots(RUN), name)(), go.Figure) for name in ("timeline", "front_macs"))


def test_data_are_apart_from_drawing() -> None:
    record = RunPlots(RUN).front_macs.data()
    assert record == front(RUN, "macs")
    assert [point.trial for point in record.front] == [1, 0]
    assert RunPlots(RUN).importance.data() is None
    with pytest.raises(InputError, match="has nothing for 'importance' yet; it has front"):
        RunPlots(RUN).importance()


def test_figures_stand_alone() -> None:
    """With what the page's scripts would add: a theme, a legend, and what each trial is."""
    figure = RunPlots(RUN).front()
    (line,) = [trace for trace in figure.data if trace.name == "front"]
    assert line.hovertext[0].startswith("trial 1: &lt;mine&gt;<br>92.00 %<br>900 parameters, 9.00k MACs<br>")
    assert figure.layout.showlegend and figure.layout.paper_bgcolor == "#ffffff"
    assert figure.layout.template.layout.colorway
    assert RunPlots(RUN).front() == figure, "drawn anew each time"


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(AttributeError, match="there is no plot 'fron'; did you mean 'front'"):
        _ = RunPlots(RUN).fron
    assert not hasattr(RunPlots(RUN), "_repr_html_")


def test_plots_of_others_are_there_too(tmp_path: Path) -> None:
    entries = {plugins.PLOT.group: {"our-own": "our_plots:OURS"}}
    with installed(tmp_path, "our-plots", "1.0", entries, {"our_plots": MODULE}):
        shown = RunPlots(RUN)
        assert "our_own" in dir(shown) and repr(shown).endswith(", our_own")
        assert shown.our_own.data() == [0, 1]
        (trace,) = shown.our_own().data
        assert trace.hovertext[0].startswith("trial 0: plain<br>93.00 %")
        assert repr(shown.our_own) == f"the plot our-own of {RUN.path}; call it to draw it"
    assert "our_own" not in dir(RunPlots(RUN))


@pytest.mark.slow
def test_notebooks_complete_their_names() -> None:
    """As IPython does it, without running code of ours but what `Run.plot` and ``dir`` are."""
    jedi: Any = pytest.importorskip("jedi")
    from lcsearch.report.shown import Run

    names = {"run": Run.of(RUN)}
    assert [c.name for c in jedi.Interpreter("run.plot.front_", [names]).complete()] == [
        "front_macs",
        "front_trainable",
    ]

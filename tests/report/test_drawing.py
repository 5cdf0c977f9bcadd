"""The plots of a run, those of other distributions among them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hand_made import make_run, make_trial
from plugin_files import installed

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.report import plots
from lcsearch.report.drawing import draw, draw_all
from lcsearch.report.image import chosen_figures
from lcsearch.report.page import render
from lcsearch.report.plot import Plot

MODULE = """
import plotly.graph_objects as go

from lcsearch.report.plot import Plot


def numbers(run):
    return [trial.number for trial in run.trials]


def figure(record):
    return go.Figure(go.Scatter(x=record, y=record, customdata=record))


def fail(run):
    raise ValueError("no trial is to my liking")


NUMBERS = Plot("Numbers <of trials>", numbers, figure, lambda record: f"There are {len(record)} & no more.")
BESIDE = Plot("More numbers", numbers, figure, lambda record: "Not shown.", beside="timeline", button="more")
EMPTY = Plot("Nothing", lambda run: None, figure, fail, missing="There is nothing.")
FAILS = Plot("Fails", fail, figure, lambda record: "Never said.")
"""

RUN = make_run(make_trial(0, 93.0, 9000, "baseline", counts=(("a", 100),)), make_trial(1, 92.0, 900))


@pytest.fixture
def others(tmp_path: Path) -> Iterator[None]:
    """One distribution: a plot that works, one that shares a section, and those that have no figure."""
    offered = {
        "numbers": "some_plots:NUMBERS",
        "beside": "some_plots:BESIDE",
        "empty": "some_plots:EMPTY",
        "fails": "some_plots:FAILS",
        "gone": "some_plots:GONE",
    }
    group = {plugins.PLOT.group: offered}
    with installed(tmp_path, "some-plots", "1.0", group, {"some_plots": MODULE}):
        yield


def test_the_order_names_every_file() -> None:
    files = {path.stem for path in Path(plots.__file__).parent.glob("*.py") if path.stem[0] != "_"}
    assert sorted(plots.ORDER) == sorted(name.replace("_", "-") for name in files)


@pytest.mark.parametrize("name", plots.ORDER)
def test_each_is_a_plot_that_says_so_where_there_is_nothing(name, example) -> None:
    assert isinstance(plugins.find(plugins.PLOT, name), Plot)
    full = draw(example, name)
    drawn = full.figure is not None and bool(full.figure.data)
    nothing = ("front-trainable", "profile", "screening")  # all is trained, nothing measured or screened
    assert drawn == (name not in nothing)
    # One failed trial: only the front, the learning curves and the timeline have something to show.
    failed = draw(make_run(make_trial(0, None, origin="baseline", state="failed", epochs=(50.0,))), name)
    shown = name in ("front", "front-macs", "learning", "timeline")
    assert (failed.figure is not None) == shown
    assert failed.words.endswith(".")


def test_nothing_is_drawn_before_the_first_epoch() -> None:
    with pytest.raises(InputError, match="no trial has finished an epoch"):
        draw(make_run(make_trial(0, None, state="running")), "front")


@pytest.mark.usefixtures("others")
def test_other_plots_come_last() -> None:
    drawings = draw_all(RUN)
    assert [d.name for d in drawings] == [*plots.ORDER, "beside", "empty", "fails", "gone", "numbers"]
    by_name = {d.name: d for d in drawings}
    assert by_name["numbers"].words == "There are 2 & no more."
    assert list(by_name["numbers"].figure.data[0].x) == [0, 1]
    assert (by_name["empty"].figure, by_name["empty"].words) == (None, "There is nothing.")


@pytest.mark.usefixtures("others")
def test_one_that_fails_says_so_in_its_place() -> None:
    by_name = {d.name: d for d in draw_all(RUN)}
    assert by_name["fails"].figure is None
    assert by_name["fails"].words == "'fails' raised ValueError: no trial is to my liking"
    assert by_name["gone"].words == (
        "plot 'gone' (some-plots 1.0) does not load: "
        "AttributeError: module 'some_plots' has no attribute 'GONE'"
    )
    with pytest.raises(InputError, match=r"^plot: 'fails' raised ValueError: no trial is to my liking$"):
        draw(RUN, "fails")


@pytest.mark.usefixtures("others")
def test_the_page_shows_them_escaped() -> None:
    page = render(RUN)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert list(json.loads(data)["figures"])[-2:] == ["beside", "numbers"]
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings[-5:] == ["Who ran what when", "Nothing", "fails", "gone", "Numbers &lt;of trials&gt;"]
    assert "There are 2 &amp; no more." in page


@pytest.mark.usefixtures("others")
def test_images_are_made_of_them_by_name() -> None:
    assert list(chosen_figures(RUN, ["numbers"])) == ["numbers"]
    everything = chosen_figures(RUN, ["all"])
    assert {"numbers", "beside", "front"} < set(everything)
    assert not {"empty", "fails", "gone"} & set(everything)

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hand_made import make_run, make_trial
from invented_runs import invented_run

from lcsearch import report
from lcsearch.core.errors import InputError
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.report.commands import commands
from lcsearch.report.page import render
from lcsearch.report.plots import ORDER


def data_of(page: str) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_the_page_has_every_plot_and_the_verdict(example):
    page = render(example)
    data = data_of(page)
    without = {"front-trainable", "profile", "screening"}  # all is trained, nothing measured or screened
    assert set(data["figures"]) == set(ORDER) - without
    assert "Provisional: best of" in page
    assert data["live"] is None
    assert len(data["words"]) == len(example.trials)
    assert data["selected"] in {p for t in data["figures"]["front"]["data"] for p in t["customdata"]}


@pytest.mark.slow
def test_a_large_run_stays_small():
    assert len(render(invented_run(2000)).encode()) < 8_000_000


def test_the_page_names_no_other_host_as_a_source(example):
    page = render(example)
    assert not re.search(r"<(script|img|link|iframe)[^>]+(src|href)=[\"']?(https?:)?//", page)
    assert "default-src 'none'" in page


def test_nothing_from_the_user_becomes_markup():
    evil = '</script><img src=x onerror="boom()">'
    run = make_run(
        make_trial(0, 93.0, 9000, "baseline", counts=((evil, 100),), label=evil),
        make_trial(1, 92.0, 900, layers={evil: LinearSpec(0.5)}, counts=((evil, 50),), label=evil),
        make_trial(2, None, state="failed", reason=evil, worker=evil),
    )
    run = replace(run, path=Path(f"runs/{evil.replace('/', '_')}"))
    page = render(run)
    assert "<img src=x" not in page
    assert data_of(page)["words"]["2"][1].endswith(evil[:20]) or evil[:9] in data_of(page)["words"]["2"][1]
    heat = data_of(page)["figures"]["layers"]["data"][0]
    assert all("<img" not in name for name in heat["y"])


def test_commands_survive_a_shell():
    path = Path("runs/it's mine; rm -rf")
    for command in commands(path):
        words = shlex.split(command.line(12))
        assert words[0] == "lcsearch"
        assert words[2] == str(path)
        assert words[3:5] == ["--trial", "12"]
    first = commands(Path("runs/a"))[0].line(7)
    assert first == "lcsearch export runs/a --trial 7 --format conv -o trial7.pt2"


def test_weights_are_offered_only_where_they_are_kept(example):
    data = data_of(render(example))
    front = {n for t in data["figures"]["front"]["data"] if t["meta"] == "front" for n in t["customdata"]}
    assert front <= set(data["weights"])
    dominated = {
        n for t in data["figures"]["front"]["data"] if t["meta"] == "complete" for n in t["customdata"]
    }
    assert not dominated & set(data["weights"])


@pytest.mark.parametrize(
    "case", ["only backbone", "no searched", "only a failed backbone and one trial", "running"]
)
def test_runs_that_have_hardly_begun(case):
    baseline = make_trial(0, 93.0, 9000, "baseline", counts=(("a", 100),))
    runs = {
        "only backbone": [baseline],
        "no searched": [baseline, make_trial(1, 92.0, 900, "uniform"), make_trial(2, None, state="failed")],
        "only a failed backbone and one trial": [
            make_trial(0, None, origin="baseline", state="failed"),
            make_trial(1, 92.0, 900),
        ],
        "running": [
            make_trial(0, None, origin="baseline", state="running", epochs=(50.0,), finished_at=None)
        ],
    }
    page = render(make_run(*runs[case]))
    assert "Too early for a verdict" in page
    assert "front" in data_of(page)["figures"]


def test_nothing_to_show_is_one_clear_line():
    with pytest.raises(InputError, match="hand made: no trial has finished an epoch yet"):
        render(make_run(make_trial(0, None, origin="baseline", state="running")))
    with pytest.raises(InputError, match="no trial has finished"):
        render(make_run())


def test_write_replaces_the_file_or_says_why_not(example, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    report.write(example, path, live=5)
    assert data_of(path.read_text())["live"] == 5
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(InputError, match="not writable"):
        report.write(example, tmp_path / "missing" / "report.html")


def test_retrained_models_are_shown():
    data = data_of(render(invented_run(60, retrained=True)))
    final = next(t for t in data["figures"]["front"]["data"] if t["meta"] == "final")
    assert any(final["error_y"]["array"])
    assert "test accuracy" in final["hovertext"][0]

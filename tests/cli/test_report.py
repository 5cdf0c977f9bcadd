from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner
from simulated_search import session

from lcsearch.cli.main import call
from lcsearch.cli.report import report


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "one"
    with session(path, trials=10) as opened:
        opened.run()
    return path


@pytest.fixture
def unfinished(tmp_path):
    """A run directory whose study has no trial."""
    path = tmp_path / "empty"
    with session(path):
        return path


def error(capsys, *arguments: str) -> str:
    """The one line that a wrong call prints."""
    assert call(list(arguments)) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_it_writes_the_page(run, tmp_path):
    result = CliRunner().invoke(report, [str(run)])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(run / "report.html")
    assert "base on digits" in (run / "report.html").read_text()
    result = CliRunner().invoke(report, [str(run), "-o", str(tmp_path / "other.html")])
    assert (tmp_path / "other.html").exists()


def test_live_on_a_finished_run_ends(run, tmp_path, monkeypatch):
    monkeypatch.setattr("lcsearch.report.live.RELOAD_SECONDS", 0.01)
    result = CliRunner().invoke(report, [str(run), "--live", "-o", str(tmp_path / "live.html")])
    assert result.exit_code == 0
    assert '"live":null' in (tmp_path / "live.html").read_text()


def test_what_goes_together(run, tmp_path, capsys):
    assert "--plot: only goes with" in error(capsys, "report", str(run), "--plot", "front")
    assert "--live: only goes with" in error(capsys, "report", str(run), "--live", "--format", "png")
    assert "--format: 'pgn'" in error(capsys, "report", str(run), "--format", "pgn")
    several = ("--plot", "front", "--plot", "learning", "-o", str(tmp_path / "a.png"))
    assert "one file for 2 plots" in error(capsys, "report", str(run), "--format", "png", *several)
    assert "did you mean 'front'" in error(capsys, "report", str(run), "--format", "png", "--plot", "frnt")


def test_bad_places(run, unfinished, tmp_path, capsys):
    assert "no such run directory" in error(capsys, "report", str(tmp_path / "nowhere"))
    assert "not a run directory" in error(capsys, "report", str(tmp_path))
    assert "no trial has finished" in error(capsys, "report", str(unfinished))
    assert "not writable" in error(capsys, "report", str(run), "-o", str(tmp_path / "missing" / "a.html"))
    (tmp_path / "folder").mkdir()
    assert "not writable" in error(capsys, "report", str(run), "-o", str(tmp_path / "folder"))


def test_a_missing_kaleido_names_the_extra(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    assert "lcsearch[image]" in error(capsys, "report", str(run), "--format", "png")

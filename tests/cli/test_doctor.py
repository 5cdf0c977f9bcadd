"""``lcsearch doctor``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from plugin_files import installed

from lcsearch import data
from lcsearch.cli import doctor
from lcsearch.cli.main import call
from lcsearch.core.packages import EXTRAS


def said(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit code, and a line for each finding; none is longer than a terminal's but for one long path."""
    code = call(["doctor"])
    text = capsys.readouterr().out
    assert all(len(line) <= 80 or " " not in line[21:] for line in text.splitlines())
    return code, text.replace("\n" + " " * 21, " ").splitlines()


def test_a_machine_where_all_works(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = said(capsys)
    names = [line[6:21].strip() for line in lines]
    expected = ["versions", "device", "precision", "data sets here", "downloaded", *EXTRAS, "ray", "chromium"]
    assert code == 0 and names == [*expected, "plug-ins"]
    assert "digits" in lines[3] and "torch " in lines[0]


def test_what_is_only_missing_names_its_line_and_does_not_fail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXTRAS, "mlflow", (("no_such_package",), "runs followed in MLflow"))
    monkeypatch.setattr(doctor, "_BROWSERS", ())
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    code, lines = said(capsys)
    assert code == 0
    assert "-     mlflow         runs followed in MLflow: pip install 'lcsearch[mlflow]'" in lines
    assert "-     chromium       none found; 'report --format png' needs it" in lines


def test_a_command_can_be_copied_from_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the words before it are, and whatever hyphens it has."""
    monkeypatch.setattr(doctor, "findings", doctor._extras)
    for length in range(20, 60):
        monkeypatch.setitem(EXTRAS, "two-words", (("no_such_package",), "x" * length))
        call(["doctor"])
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if "pip install 'lcsearch[two-words]'" in line]
        assert all(len(line) <= 80 or " " not in line[21:] for line in lines), lines


def test_a_browser_that_is_named_and_is_not_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever others there are: the one that is named is started."""
    monkeypatch.setattr(doctor, "_BROWSERS", ("sh",))
    monkeypatch.setattr(doctor, "findings", lambda: [doctor._browser()])
    for name, mark in (("sh", "ok"), (str(tmp_path / "gone"), "-")):
        monkeypatch.setenv("BROWSER_PATH", name)
        assert said(capsys)[1][0].split()[:2] == [mark, "chromium"]


def test_what_fails_is_said_and_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {"lcsearch.plots": {"cloud": "their_plots:CLOUD"}}
    broken = data.describe("digits")
    monkeypatch.setattr(data, "names", lambda: ["digits"])
    monkeypatch.setattr(data, "describe", lambda name: _damaged(broken))
    with installed(tmp_path, "theirs", "2", entries, {"their_plots": "raise RuntimeError('no display')"}):
        code, lines = said(capsys)
    assert code == 1
    assert [line for line in lines if line.startswith("FAILS")] == [
        "FAILS data set       digits: a file is cut short",
        "FAILS plug-in        plot cloud of theirs 2: RuntimeError: no display",
    ]


def _damaged(row: object) -> object:
    from dataclasses import replace

    return replace(row, problem="a file is cut short")  # type: ignore[type-var]


def test_it_looks_at_every_extra() -> None:
    top = Path(__file__).resolve().parents[2]
    extras = tomllib.loads((top / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(extras) - {"dev", "docs"}

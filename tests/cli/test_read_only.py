"""A run on a disk that nobody can write: looked at as any other, gone on with not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from read_only import read_only
from simulated_search import session

from lcsearch.cli.main import call


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("runs") / "one"
    with session(path, trials=8) as opened:
        assert opened.run() is None
        opened.finish()
    with read_only(path):
        yield path


def test_status_shows_it(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["status", str(run)]) == 0
    out, said = capfd.readouterr()
    assert "8 complete" in out and said == ""


def test_the_report_goes_elsewhere(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["report", str(run), "-o", str(tmp_path / "a.html")]) == 0
    assert "base on digits" in (tmp_path / "a.html").read_text()
    capfd.readouterr()
    for kind in ("html", "png"):
        assert call(["report", str(run), "--format", kind]) == 2
        said = capfd.readouterr().err
        assert said == f"lcsearch: error: {run} is not writable; name another place by --output\n"


@pytest.mark.parametrize("command", ["resume", "retrain"])
def test_it_is_not_gone_on_with(command: str, run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call([command, str(run)]) == 2
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1 and str(run) in said, said

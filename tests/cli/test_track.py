"""``--track`` as a user types it: real training on scikit-learn's digits, followed in TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from cli_runs import run_and_signal
from inline_engine import installed_inline

from lcsearch.cli.main import call
from lcsearch.runs.read import read_run

pytest.importorskip("tensorboard")

from event_files import assert_shown

SMALL = [
    "--backbone", "base", "--dataset", "digits", "--train-images", "96", "--validation-images", "96",
    "--image-size", "16", "--init", "scratch", "--epochs", "2", "--trials", "3", "--jobs", "1",
]  # fmt: skip


def refused(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that leaves with 2."""
    assert call(arguments) == 2
    out, said = capfd.readouterr()
    assert out == "" and len(said.splitlines()) == 1, said
    return said.removeprefix("lcsearch: error: ").strip()


def test_what_cannot_be_tracked_is_one_line_and_no_run_is_made(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, board = tmp_path / "run", tmp_path / "board"
    asked = ["run", *SMALL, "--out", str(run), "--track", f"tensorboard:{board}"]
    board.write_text("a file")
    assert refused(asked, capfd) == f"--track: {board}: not writable: File exists"
    board.unlink()
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    missing = "--track: needs tensorboard, not installed here; pip install 'lcsearch[tensorboard]'"
    assert refused(asked, capfd) == missing
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_killed_run_goes_on_in_its_place_until_it_is_told_otherwise(tmp_path: Path) -> None:
    """It is killed in a process of its own; what goes on with it trains in this one."""
    run, board, other = tmp_path / "run", tmp_path / "board", tmp_path / "other"
    done = run_and_signal("run", *SMALL, "--out", str(run), "--track", f"tensorboard:{board}", epochs=3)
    assert done.returncode != 0 and (board / "run" / "search").is_dir()
    (tmp_path / "installed").mkdir()
    with installed_inline(tmp_path / "installed"):
        again = ["resume", str(run), "--engine", "inline"]
        assert call(again) == 0
        trials = read_run(run).trials
        assert_shown(board / "run", trials)
        assert call([*again, "--trials", "4", "--track", f"tensorboard:{other}"]) == 0
        assert_shown(other / "run", read_run(run).trials)
        assert call([*again, "--trials", "5", "--track", "none"]) == 0
    assert len(list((other / "run").iterdir())) < 1 + len(read_run(run).trials)
    assert_shown(board / "run", trials)
    assert yaml.safe_load((run / "run.yaml").read_text())["settings"]["track"] == []

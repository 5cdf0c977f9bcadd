"""``lcsearch run`` and ``resume`` as a user types them: real training on scikit-learn's digits.

What gets a signal is a process of its own. Everything else is called in this process, which spares it the
start of another interpreter; the first run has workers of its own all the same.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_runs import run_and_signal
from inline_engine import installed_inline
from outline import outline

from lcsearch.core.records import HAND_PICKED
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

SMALL = [
    "--backbone", "base", "--dataset", "digits", "--train-images", "192", "--validation-images", "96",
    "--image-size", "16", "--epochs", "2", "--trials", "5", "--jobs", "1",
]  # fmt: skip


def call(*arguments: str) -> int:
    from lcsearch.cli.main import call

    return call(list(arguments))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "whole"
    assert call("run", *SMALL, "--out", str(path)) == 0
    return path


@pytest.fixture(scope="module")
def shown(finished: Path) -> dict[str, Any]:
    """What ``lcsearch status --json`` prints, and nothing else."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        assert call("status", str(finished), "--json") == 0
    assert errors.getvalue() == ""
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


def test_a_run_leaves_a_front_a_page_and_a_config(finished: Path, shown: dict[str, Any]) -> None:
    assert (finished / "report.html").stat().st_size > 1_000_000
    best = yaml.safe_load((finished / "best.yaml").read_text())
    trial = read_run(finished).trials[best["source"]["trial"]]
    assert best["source"]["params"] == trial.params
    kept = {int(path.parent.name) for path in finished.glob("trials/*/weights.safetensors")}
    front = {member["trial"] for member in shown["front"]}
    hand_picked = {t.number for t in read_run(finished).trials if t.origin in HAND_PICKED}
    assert kept == front | hand_picked
    assert not list(finished.glob("trials/*/checkpoint.pt"))


def test_status_counts_what_the_run_recorded(finished: Path, shown: dict[str, Any]) -> None:
    trials = read_run(finished).trials
    assert sum(shown["trials"].values()) == len(trials)
    assert shown["trials"]["running"] == 0
    assert shown["epochs_trained"] == sum(len(t.epochs) for t in trials)


def test_ctrl_c_finishes_the_epoch_and_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    done = run_and_signal("run", *SMALL, "--out", str(path), epochs=1, how=signal.SIGINT)
    assert done.returncode == 130
    assert f"lcsearch resume {path}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_longer_resume_adds_trials_and_keeps_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "longer"
    (tmp_path / "installed").mkdir()
    with installed_inline(tmp_path / "installed"):
        asked = ["--engine", "inline", "--trials", "2", "--init", "scratch"]
        assert call("run", *SMALL, *asked, "--out", str(path)) == 0
        before = outline(read_run(path).trials)
        assert call("resume", str(path), "--trials", "3") == 0
    after = outline(read_run(path).trials)
    assert after[: len(before)] == before and len(after) == len(before) + 1


WRONG = [
    (["--backbone", "vgg12"], ["--backbone", "'vgg12'", "'vgg11'"]),
    (["--dataset", "digit"], ["--dataset", "'digit'", "'digits'"]),
    (["--sampler", "tpee"], ["--sampler", "'tpee'", "'tpe'"]),
    (["--engine", "locl"], ["--engine", "'locl'", "'local'"]),
    (["--early-stopping", "maybe"], ["--early-stopping", "'maybe'"]),
    (["--max-params", "lots"], ["--max-params", "'lots'", "1.5M"]),
    (["--max-params", "10"], ["--max-params", "smallest possible model"]),
    (["--timeout", "soon"], ["--timeout", "'soon'", "30m"]),
    (["--trials", "0"], ["--trials", "0"]),
    (["--trails", "3"], ["--trails", "--trials"]),
    (["--space", "nowhere.yaml"], ["--space", "nowhere.yaml"]),
    (["--device", "tpu"], ["--device", "tpu"]),
    (["--lr", "-1"], ["--lr", "-1"]),
    (["--train-images", "2000000"], ["--train-images 2000000: "]),
    (["--objectives", "params"], ["--objectives", "accuracy"]),
    (["--image-size", "3"], ["--image-size", "3"]),
    (["--backbone", "json:dumps"], ["--backbone", "json:dumps"]),
    (["--from", "missing.yaml"], ["missing.yaml"]),
    (["--out", "/proc/nothing/here"], ["--out", "/proc/nothing/here"]),
    (["--out", "no \udcfftext"], ["--out", "'no \\udcfftext'", "UTF-8"]),
]


@pytest.mark.parametrize(("wrong", "expected"), WRONG, ids=[" ".join(w[:2]) for w, _ in WRONG])
def test_bad_input_is_one_clear_line_and_makes_nothing(
    wrong: list[str], expected: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert call("run", *SMALL, "--out", str(out), *wrong) == 2
    said = capfd.readouterr().err
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith("lcsearch: error: ") and all(part in said for part in expected), said
    assert not out.exists()


def test_a_directory_that_exists_or_is_no_run_is_refused(
    finished: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call("run", *SMALL, "--out", str(finished)) == 2
    assert f"lcsearch resume {finished}" in capfd.readouterr().err
    assert call("resume", str(tmp_path)) == 2
    assert "is not a run directory" in capfd.readouterr().err
    assert call("status", str(tmp_path / "none")) == 2
    assert "no such run directory" in capfd.readouterr().err


def test_a_damaged_study_is_one_line_and_stays_as_it_is(
    finished: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.yaml").write_text((finished / "run.yaml").read_text())
    (tmp_path / "study.db").write_bytes(b"no database" * 500)
    assert call("status", str(tmp_path)) == 2
    assert "study.db: is damaged" in capfd.readouterr().err
    assert (tmp_path / "study.db").read_bytes() == b"no database" * 500


def test_a_run_that_is_open_elsewhere_is_refused(finished: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from lcsearch.runs.directory import RunDirectory

    with RunDirectory.open(finished).locked():
        assert call("resume", str(finished)) == 2
    assert "is open in another lcsearch" in capfd.readouterr().err

"""A search whose last trials train front models on, as a user types it, on digits: also killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from outline import outline

from lcsearch.core.records import RIVALS
from lcsearch.runs.read import read_run

pytestmark = [pytest.mark.slow, pytest.mark.long]

TESTS = Path(__file__).parents[1]
RUN = (
    "run --backbone tiny_net:tiny --dataset digits --image-size 8 --train-images 400 --validation-images 200 "
    "--epochs 4 --seed 3 --device cpu --precision float32 --jobs 1 --trials 32 --finish 0.2 --finish-epochs 2"
)
LAST = 6


def lcsearch(*arguments: str, dies: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A process where the user's net lies; one that dies does so after so many epochs."""
    program = [str(TESTS / "dying_run.py"), *dies] if dies else ["-m", "lcsearch"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, cwd=TESTS, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    done = lcsearch(*RUN.split(), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "up to 6 at the end train front models on for 2 epochs" in done.stderr + done.stdout
    return out


def test_models_start_where_their_trials_ended_and_what_comes_of_them_is_as_of_any(
    whole: Path, tmp_path: Path
) -> None:
    trials = read_run(whole).trials
    last = [t for t in trials if t.continues]
    assert last == list(trials[-LAST:]) and {t.origin in RIVALS for t in last} == {False, True}
    for trial in last:
        assert trial.parent is not None and trial.accuracy_before == trials[trial.parent].accuracy
        assert len(trial.epochs) == 2
    assert max(t.accuracy or 0 for t in last) > max(t.accuracy or 0 for t in trials if not t.continues)
    front = {one["trial"] for one in json.loads(lcsearch("status", str(whole), "--json").stdout)["front"]}
    (chosen, *_) = front & {t.number for t in last}
    file = tmp_path / "model.safetensors"
    given = ("export", str(whole), "--trial", str(chosen), "--format", "weights", "-o", str(file))
    done = lcsearch(*given)
    assert done.returncode == 0 and file.is_file(), done.stderr
    said = lcsearch("status", str(whole)).stdout
    parent = trials[chosen].parent
    assert f"{parent} (as {chosen})" in said
    assert f"{parent} (as {chosen})" in (whole / "report.html").read_text()


def test_killed_while_they_train_on_it_resumes_to_the_same_run(whole: Path, tmp_path: Path) -> None:
    """After the first epoch of the last but one."""
    trials = read_run(whole).trials
    epochs, out = sum(len(t.epochs) for t in trials) - 3, tmp_path / "run"
    killed = lcsearch(*RUN.split(), "--out", str(out), dies=(str(epochs), "300", "SIGKILL"))
    assert killed.returncode == -signal.SIGKILL
    left = [t for t in read_run(out).trials if t.state == "running"]
    assert [t.continues for t in left] == [True]
    done = lcsearch("resume", str(out))
    assert done.returncode == 0, done.stderr
    assert outline(read_run(out).trials) == outline(trials)

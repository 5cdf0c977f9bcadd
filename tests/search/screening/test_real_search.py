"""A search that screens, in processes of its own with real nets: killed while candidates are looked at."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from outline import outline

from lcsearch.core.records import TrialRecord
from lcsearch.runs.read import read_run

pytestmark = [pytest.mark.slow, pytest.mark.long]

TESTS = Path(__file__).parents[2]
ASKED = (
    "run --backbone tiny_net:tiny --dataset digits --train-images 1000 --validation-images 200 --epochs 8 "
    "--seed 1 --device cpu --precision float32 --scratch-below 0 --screen 6 --screen-images 0.2 --trials 30"
)

HELD = 200
"""A fifth of the training images."""


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """A process where the user's net lies."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    return subprocess.Popen([sys.executable, "-m", "lcsearch", *arguments], cwd=TESTS, env=env)


def run(out: Path, jobs: int, engine: str = "local") -> subprocess.Popen[bytes]:
    return started(*ASKED.split(), "--jobs", str(jobs), "--engine", engine, "--out", str(out))


def seen(out: Path) -> dict[str, dict[str, object]]:
    """What is recorded of candidates that were looked at, by the place of each."""
    if not (out / "study.db").is_file():
        return {}
    ask = "SELECT key, value_json FROM study_user_attributes WHERE key LIKE 'screening:%'"
    with closing(sqlite3.connect(f"file:{out / 'study.db'}?mode=ro", uri=True)) as study:
        try:
            rows = study.execute(ask).fetchall()
        except sqlite3.OperationalError:
            return {}
    told = {key: json.loads(value) for key, value in rows}
    return {key: value for key, value in told.items() if value["known"]["images"]}


def stopped(process: subprocess.Popen[bytes], out: Path, number: signal.Signals) -> int:
    """Stop a run once two candidates for a trial have been seen."""
    end = time.monotonic() + 250
    while len(seen(out)) < 2 and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    return process.wait()


def screened(trials: tuple[TrialRecord, ...]) -> list[tuple[float | None, int] | None]:
    return [None if t.screened is None else (t.screened.accuracy, t.screened.models) for t in trials]


def test_killed_while_candidates_are_looked_at_a_run_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    assert run(tmp_path / "whole", 1).wait() == 0
    assert stopped(run(tmp_path / "run", 1), tmp_path / "run", signal.SIGKILL) == -signal.SIGKILL
    assert started("resume", str(tmp_path / "run")).wait() == 0
    whole, again = read_run(tmp_path / "whole").trials, read_run(tmp_path / "run").trials
    assert outline(again) == outline(whole) and screened(again) == screened(whole)


@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=pytest.mark.ray)])
def test_two_workers_look_and_after_ctrl_c_what_they_saw_counts(tmp_path: Path, engine: str) -> None:
    out = tmp_path / "run"
    assert stopped(run(out, 2, engine), out, signal.SIGINT) == 130
    known = seen(out)
    assert len(known) >= 2
    assert started("resume", str(out)).wait() == 0
    trials = read_run(out).trials
    [number] = {one["trial"] for one in known.values()}
    assert isinstance(number, int)
    chosen = trials[number].screened
    assert chosen is not None and chosen.models >= len(known)
    told = {one["known"]["accuracy"] for one in known.values() if one["known"]["images"] == HELD}  # type: ignore[index]
    assert told <= {one.accuracy for one in chosen.looked}
    for trial in trials:
        cut = trial.spec.recipe.init == "backbone" and trial.duplicate_of is None
        assert not cut or trial.state == "rejected" or trial.screened is not None

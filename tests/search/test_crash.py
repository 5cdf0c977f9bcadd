"""What a run survives: being killed at any moment, workers that die, a full disk."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import simulated_objectives as simulated
import sqlalchemy
from inline import InlineEngine, Killed, session
from optuna.storages import RDBStorage
from outline import outline

import lcsearch
from lcsearch.core.records import RunRecord
from lcsearch.runs.read import read_run
from lcsearch.runs.store import Proposal
from lcsearch.search.history import HAND_PICKED

ASKED: dict[str, Any] = {
    "backbone": "base", "num_classes": 10, "in_channels": 1, "image_size": 16, "validation_images": 1000,
    "trials": 8, "epochs": 3, "jobs": 1, "device": "cpu", "sampler": "tpe", "quiet": True,
}  # fmt: skip
WRITES = ("create_new_trial", "set_trial_user_attr", "set_trial_state_values", "set_study_user_attr")


def search(out: Path, objective: Any = simulated.smooth, **changes: Any) -> RunRecord:
    return lcsearch.search(None, objective, **{**ASKED, "out": out, **changes})


def test_killed_at_twenty_random_moments_a_run_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    program = Path(__file__).parents[1] / "kill_runs.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), "20", "1"],
        capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(program.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == 20 and all(told["identical"])
    for run in [tmp_path / "whole", *tmp_path.glob("killed-*")]:
        assert_tidy(run)


def assert_tidy(path: Path) -> None:
    """Nothing is left running, and the files are those of a run that was never killed."""
    trials = read_run(path).trials
    assert all(t.state != "running" for t in trials)
    trained = {t.number for t in trials if t.state != "rejected" and t.duplicate_of is None}
    assert {int(p.parent.name) for p in path.glob("trials/*/metrics.csv")} == trained
    assert not list(path.glob("trials/*/checkpoint.pt"))
    assert sorted(p.name for p in path.iterdir() if p.name[0] != ".") == [
        "best.yaml", "report.html", "run.yaml", "study.db", "trials",
    ]  # fmt: skip


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many more writes the process lives for; empty for ever."""
    left: list[int] = []

    def dying(name: str) -> Any:
        write = getattr(RDBStorage, name)

        def wrapped(self: RDBStorage, *args: Any, **keywords: Any) -> Any:
            if left:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
            return write(self, *args, **keywords)

        return wrapped

    for name in WRITES:
        monkeypatch.setattr(RDBStorage, name, dying(name))
    yield left


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_dying_between_any_two_writes_alters_nothing(tmp_path: Path, deaths: list[int], sampler: str) -> None:
    """Two to nine writes a sitting: epochs without their decision, proposals without their trial, ..."""
    changes: dict[str, Any] = {"sampler": sampler, "trials": 14, "max_params": 250_000}
    with session(tmp_path / "whole", **changes) as opened:
        assert opened.run() is None
    lives, sittings = random.Random(3), 0
    while True:
        sittings += 1
        deaths[:] = [lives.randint(2, 9)]
        try:
            with session(tmp_path / "cut", **changes) as opened:
                assert opened.run() is None
            break
        except Killed:
            assert sittings < 200
    deaths.clear()
    assert sittings > 10
    whole = read_run(tmp_path / "whole").trials
    assert any(t.state == "pruned" for t in whole) and any(t.origin not in HAND_PICKED for t in whole)
    assert outline(read_run(tmp_path / "cut").trials) == outline(whole)


def test_a_sampler_forgets_a_trial_that_was_never_begun(tmp_path: Path) -> None:
    with session(tmp_path / "run", trials=4) as opened:
        assert opened.run() is None
        opened.search._store.remember({"drawn": 7}, 4)
    with session(tmp_path / "run", trials=4) as opened:
        store = opened.search._store
        assert store.memory() == {}
        store.remember({"drawn": 7}, 4)
        assert store.begin(replace(opened.search.history[0], state="running"), Proposal()) == 4
    with session(tmp_path / "run", trials=4) as opened:
        assert opened.search._store.memory() == {"drawn": 7}


def test_duplicates_whose_original_ended_just_before_the_kill_end_too(
    tmp_path: Path, deaths: list[int]
) -> None:
    """A duplicate of a live trial waits for it; two jobs make one."""
    with session(tmp_path / "run", trials=4) as opened:
        twice = opened._planner.planned()[1]
        opened.search._proposer._planned.insert(2, twice)
        for _ in range(3):
            assert opened.search.next_job() is not None
        assert [t.duplicate_of for t in opened.search.history] == [None, None, 1, None]
        opened.search.on_epoch(1, 1, {"accuracy": 80.0})
        deaths[:] = [2]  # the end of trial 1, and not that of trial 2
        with pytest.raises(Killed):
            opened.search.on_complete(1, {"accuracy": 80.0})
    deaths.clear()
    assert [t.state for t in read_run(tmp_path / "run").trials[1:3]] == ["complete", "running"]
    with session(tmp_path / "run", trials=4) as opened:
        assert opened.run() is None
    trials = read_run(tmp_path / "run").trials
    assert all(t.state != "running" for t in trials)
    assert trials[2].accuracy == 80.0


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a search the start of a worker, where workers are not what is tested."""
    monkeypatch.setattr("lcsearch.search.session.make_engine", lambda settings, folder: InlineEngine())


@pytest.mark.usefixtures("in_this_process")
def test_a_directory_whose_making_was_cut_short_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run" / "trials").mkdir(parents=True)
    (tmp_path / "run" / ".run.yaml.abc").write_text("version: 1\nsett")
    assert len(search(tmp_path / "run", trials=1).complete) == 1


def test_a_dead_worker_costs_its_trial_one_try(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", simulated.mortal, trials=4, early_stopping="none").trials
    assert [t.state for t in trials] == ["complete", "complete", "failed", "complete"]
    assert [t.metrics.get("attempt") for t in trials] == [0, 1, None, 0]
    assert trials[2].reason == "the worker process died of SIGSEGV"
    assert [len(t.epochs) for t in trials] == [1, 1, 1, 1]


def test_a_worker_without_room_stops_the_run_and_not_its_trial(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "full").touch()
    with pytest.raises(RuntimeError) as stopped:
        search(tmp_path / "run", simulated.greedy)
    said = str(stopped.value)
    assert f"{tmp_path / 'run'}: the disk is full; call lcsearch.search again" in said and "\n" not in said
    assert read_run(tmp_path / "run").trials[2].state == "running"
    (tmp_path / "full").unlink()
    resumed = search(tmp_path / "run", simulated.greedy).trials
    request.getfixturevalue("in_this_process")
    assert outline(resumed) == outline(search(tmp_path / "whole", simulated.greedy).trials)


def test_a_study_without_room_stops_the_run(tmp_path: Path) -> None:
    """SQLite says by itself that the disk is full: it may not grow beyond so many pages."""
    with session(tmp_path / "run", trials=4) as opened:
        assert opened.run() is None
    with closing(sqlite3.connect(tmp_path / "run" / "study.db")) as study:
        pages = study.execute("PRAGMA page_count").fetchone()[0]

    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 1}")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", limit)
    try:
        with session(tmp_path / "run", trials=20) as opened:
            assert opened.run() == f"{tmp_path / 'run'}: the disk is full"
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", limit)
    for name, trials in (("run", 20), ("whole", 20)):
        with session(tmp_path / name, trials=trials) as opened:
            assert opened.run() is None
    assert outline(read_run(tmp_path / "run").trials) == outline(read_run(tmp_path / "whole").trials)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    run = small_disk / "run"
    with pytest.raises(RuntimeError, match=r"run: the disk is full; call lcsearch\.search again"):
        search(run, simulated.bulky, early_stopping="none")
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
    resumed = search(run, simulated.bulky, early_stopping="none").trials
    assert [t.number for t in resumed] == list(range(len(resumed)))
    assert sum(t.state == "complete" and t.duplicate_of is None for t in resumed) == 8

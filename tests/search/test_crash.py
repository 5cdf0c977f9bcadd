"""What a run survives: being killed at any moment, workers that die, a full disk."""

from __future__ import annotations

import errno
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
from inline_engine import Killed
from optuna.storages import RDBStorage
from outline import outline
from simulated_search import Simulated, bound_base, session

import lcsearch
from lcsearch.core.job import Job, Metrics, Report
from lcsearch.core.records import HAND_PICKED, RunRecord
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.storage import open_storage, study_name
from lcsearch.runs.store import Proposal, Store
from lcsearch.search.proposals.handpicked import hand_picked

pytestmark = pytest.mark.slow

ASKED: dict[str, Any] = {
    "backbone": "base", "num_classes": 10, "in_channels": 1, "image_size": 16, "validation_images": 1000,
    "trials": 8, "epochs": 3, "jobs": 1, "device": "cpu", "sampler": "tpe", "quiet": True,
}  # fmt: skip
WRITES = ("create_new_trial", "set_trial_user_attr", "set_trial_state_values", "set_study_user_attr")


def search(out: Path, objective: Any = simulated.smooth, **changes: Any) -> RunRecord:
    return lcsearch.search(None, objective, **{**ASKED, "out": out, **changes})


def test_killed_at_random_moments_a_run_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Driver and workers of the local engine; trials go on from their checkpoints."""
    program = Path(__file__).parents[1] / "kill_runs.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), "3", "1"],
        capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(program.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] >= 3 and all(told["identical"]) and told["went_on"] > 0
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
    """Two to nine writes a session: epochs without their decision, proposals without their trial, ..."""
    changes: dict[str, Any] = {"sampler": sampler, "trials": 14, "max_params": 250_000}
    with session(tmp_path / "whole", **changes) as opened:
        assert opened.run() is None
    lives, sessions = random.Random(3), 0
    while True:
        sessions += 1
        deaths[:] = [lives.randint(2, 9)]
        try:
            with session(tmp_path / "cut", **changes) as opened:
                assert opened.run() is None
            break
        except Killed:
            assert sessions < 200
    deaths.clear()
    assert sessions > 10
    whole = read_run(tmp_path / "whole").trials
    assert any(t.state == "pruned" for t in whole) and any(t.origin not in HAND_PICKED for t in whole)
    assert outline(read_run(tmp_path / "cut").trials) == outline(whole)


def test_a_sampler_forgets_a_trial_that_was_never_begun(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with session(path, trials=4) as opened:
        assert opened.run() is None
    with closing(store_of(path)) as store:
        store.remember({"drawn": 7}, 4)
    with session(path, trials=4), closing(store_of(path)) as store:
        assert store.memory() == {}
        store.remember({"drawn": 7}, 4)
        assert store.begin(replace(read_run(path).trials[0], state="running"), Proposal()) == 4
    with session(path, trials=4), closing(store_of(path)) as store:
        assert store.memory() == {"drawn": 7}


def store_of(path: Path) -> Store:
    directory, settings = RunDirectory.open(path), RunSettings("base", "digits")
    return Store(open_storage(settings, directory), settings.objectives, study_name(settings, directory))


def test_duplicates_whose_original_ended_just_before_the_kill_end_too(
    tmp_path: Path, deaths: list[int]
) -> None:
    """A duplicate of a live trial waits for it; several jobs make one."""
    with session(tmp_path / "other") as opened:
        uniform = [opened.director.next_job() for _ in range(2)][1]
    assert uniform is not None
    early = [one for one in hand_picked(bound_base(), cut_out=False) if not one.can_wait]
    twin = len(early)
    changes: dict[str, Any] = {"trials": twin + 1, "given": [uniform.spec]}
    with session(tmp_path / "run", **changes) as opened:
        jobs = [opened.director.next_job() for _ in range(twin + 1)]
        assert [job and job.number for job in jobs] == [*range(twin), twin + 1]
        assert opened.director.history[twin].duplicate_of == 1
        opened.director.on_epoch(1, 1, {"accuracy": 80.0})
        deaths[:] = [2]  # the end of trial 1, and not that of its twin
        with pytest.raises(Killed):
            opened.director.on_complete(1, {"accuracy": 80.0})
    deaths.clear()
    trials = read_run(tmp_path / "run").trials
    assert (trials[1].state, trials[twin].state) == ("complete", "running")
    with session(tmp_path / "run", **changes) as opened:
        assert opened.run() is None
    trials = read_run(tmp_path / "run").trials
    assert all(t.state != "running" for t in trials)
    assert trials[twin].accuracy == 80.0


def test_a_directory_whose_making_was_cut_short_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run" / "trials").mkdir(parents=True)
    (tmp_path / "run" / ".run.yaml.abc").write_text("version: 1\nsett")
    with session(tmp_path / "run", trials=1) as opened:
        assert opened.run() is None
    assert len(read_run(tmp_path / "run").trials) == 1


def no_room(job: Job, report: Report) -> Metrics:
    """Trial 2 finds no room for its checkpoint."""
    if job.number == 2:
        raise OSError(errno.ENOSPC, "No space left on device", str(Path(job.directory) / "checkpoint.pt"))
    return Simulated()(job, report)


def test_a_worker_without_room_stops_the_run_and_not_its_trial(tmp_path: Path) -> None:
    for objective, problem in ((no_room, f"{tmp_path / 'run'}: the disk is full"), (None, None)):
        with session(tmp_path / "run", objective, trials=6) as opened:
            assert opened.run() == problem
        states = [trial.state for trial in read_run(tmp_path / "run").trials]
        assert states[:3] == ["complete", "complete", "running" if problem else "complete"]
    with session(tmp_path / "whole", trials=6) as opened:
        assert opened.run() is None
    assert outline(read_run(tmp_path / "run").trials) == outline(read_run(tmp_path / "whole").trials)


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

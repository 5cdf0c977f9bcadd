"""One job on its worker, without Ray itself."""

from __future__ import annotations

import errno
import gc
import socket
import threading
from pathlib import Path

import pytest
from engine_objectives import Leaves
from scripted_director import jobs

from lcsearch.core.job import Job, Metrics, Objective, Report, Verdict
from lcsearch.engines import Ending
from lcsearch.engines.ray.job_thread import JobThread
from lcsearch.engines.ray.messages import Epoch
from lcsearch.engines.ray.storage import SharedStorage
from lcsearch.engines.ray.trial_storage import TrialStorage


def started(folder: Path, objective: Objective, shared: TrialStorage | None = None) -> JobThread:
    return JobThread(jobs(folder / "run", 1)[0], objective, shared, folder / "node/copy", folder / "node")


def storage(folder: Path) -> TrialStorage:
    return TrialStorage(SharedStorage(str(folder / "shared")), "run")


def test_an_objective_waits_for_each_verdict(tmp_path: Path) -> None:
    reached: list[int] = []

    def objective(job: Job, report: Report) -> Metrics:
        for epoch in (1, 2, 3):
            reached.append(epoch)
            if not report(epoch, {"accuracy": float(epoch)}):
                break
        return {"accuracy": float(epoch)}

    thread = started(tmp_path, objective)
    assert thread.next(Verdict.GO_ON) == Epoch(1, {"accuracy": 1.0})
    assert reached == [1]
    assert thread.next(Verdict.GO_ON) == Epoch(2, {"accuracy": 2.0})
    assert reached == [1, 2]
    assert thread.next(Verdict.STOP) == Ending("complete", metrics={"accuracy": 2.0})


def full(*_: object) -> Metrics:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's disk, that of the worker's node, and the shared storage."""

    def objective(job: Job, report: Report) -> Metrics:
        report(1, {"accuracy": 1.0})
        return full()

    assert started(tmp_path, full).next(Verdict.GO_ON) == Ending("halted", "the disk is full")
    thread = started(tmp_path, objective, storage(tmp_path))
    assert thread.next(Verdict.GO_ON) == Epoch(1, {"accuracy": 1.0})
    assert thread.next(Verdict.GO_ON) == Ending("halted", f"the disk of node {socket.gethostname()} is full")
    monkeypatch.setattr(SharedStorage, "_push", full)
    said = Ending("halted", f"the shared storage {tmp_path / 'shared'} is full")
    assert started(tmp_path, objective, storage(tmp_path)).next(Verdict.GO_ON) == said


def test_a_suspended_objective_leaves_its_checkpoint_on_the_storage(tmp_path: Path) -> None:
    def objective(job: Job, report: Report) -> Metrics:
        Path(job.directory, "checkpoint.pt").write_text("epoch 1")
        report(1, {"accuracy": 1.0})
        raise AssertionError("not reached")

    thread = started(tmp_path, objective, storage(tmp_path))
    assert isinstance(thread.next(Verdict.GO_ON), Epoch)
    assert thread.next(Verdict.SUSPEND) == Ending("suspended")
    assert (tmp_path / "shared/run/0/checkpoint.pt").read_text() == "epoch 1"
    assert not (tmp_path / "run").exists() and not (tmp_path / "node/copy").exists()


def test_what_refers_to_itself_does_not_outlive_its_job(tmp_path: Path) -> None:
    try:
        for _ in range(3):
            assert started(tmp_path, Leaves()).next(Verdict.GO_ON) == Ending(
                "complete", metrics={"accuracy": 0.0}
            )
            _ended()
    finally:
        gc.enable()


def _ended() -> None:
    """Wait for the threads of jobs, which go on after they have told how these ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("job"):
            thread.join()

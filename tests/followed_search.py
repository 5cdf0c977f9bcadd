"""Simulated searches that trackers follow: whole ones, killed ones, and those that go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inline_engine import Killed
from simulated_search import Simulated, session

from lcsearch.core.job import Job, Report
from lcsearch.core.records import EpochRecord, RunRecord, TrialRecord
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.core.trainings import TrainingRecord
from lcsearch.runs import trackers
from lcsearch.runs.read import read_run
from lcsearch.runs.trackers import TrackedRun
from lcsearch.runs.trackers._parts import of_training
from lcsearch.search import tracking


def search(path: Path, place: str, objective: Any = None, **changes: Any) -> tuple[TrialRecord, ...]:
    """The trials of a search that a tracker follows without a word.

    Args:
        path: The run directory.
        place: What ``--track`` is given.
        objective: Runs a trial; `Simulated` unless given.
        changes: Settings of the run.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tracking, "CLOSE_SECONDS", 600)  # however busy the machine is
        with session(path, objective, trackers=trackers.make([place]), **changes) as opened:
            assert opened.run(pytest.fail) is None
            opened.finish()
    return read_run(path).trials


class Dying(Simulated):
    """The process is killed in an epoch of trial 3."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        def mortal(epoch: int, metrics: Mapping[str, float]) -> bool:
            if (job.number, epoch) == (3, 3):
                raise Killed
            return report(epoch, metrics)

        return super().__call__(job, mortal)


def fails(job: Job, report: Report) -> Mapping[str, float]:
    """A trial fails."""
    if job.number == 4:
        raise RuntimeError("on purpose")
    return Simulated()(job, report)


def accuracies(trial: TrialRecord) -> list[tuple[int, Any]]:
    """A trial's curve: epochs and accuracies in percent, to single precision."""
    return [(done.epoch, pytest.approx(done.accuracy, rel=1e-6)) for done in trial.epochs]


def tried_again(run: Path, place: str) -> str:
    """A training fails after an epoch of two, and a second session brings it to its end.

    Args:
        run: An empty folder.
        place: What ``--track`` is given.

    Returns:
        What trackers call the training.
    """
    trial = TrialRecord(0, "complete", "given", "", TrialSpec(ModelSpec("base", 10, 1)), 10, 20)
    followed = TrackedRun("run", "abc", RunRecord(run, {"seed": 0}, 0, ()))
    begun = TrainingRecord(trial, 1, "scratch", trial.spec, started_at=100.0)
    first, second = (EpochRecord(epoch, 10.0 * epoch, 0.5, 1.0, 100.0 + epoch) for epoch in (1, 2))
    failed = replace(begun, epochs=(first,), state="failed", reason="on purpose", finished_at=101.0)
    running = replace(begun, epochs=(first, second))
    complete = replace(running, state="complete", accuracy=20.0, test_accuracy=19.0, finished_at=102.0)
    for tellings in (begun, failed), (begun, running, complete), ():  # a later one does not train it
        (tracker,) = trackers.make([place]).values()
        tracker.start(followed)
        for told in tellings:
            tracker.training(told)
        tracker.close()
    return of_training(complete).name

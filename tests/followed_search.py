"""Simulated searches that trackers follow: whole ones, killed ones, and those that go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from inline_engine import Killed
from simulated_search import Simulated, session

from lcsearch.core.job import Job, Report
from lcsearch.core.records import TrialRecord
from lcsearch.runs import trackers
from lcsearch.runs.read import read_run


def search(path: Path, place: str, objective: Any = None, **changes: Any) -> tuple[TrialRecord, ...]:
    """The trials of a search that a tracker follows without a word.

    Args:
        path: The run directory.
        place: What ``--track`` is given.
        objective: Runs a trial; `Simulated` unless given.
        changes: Settings of the run.
    """
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

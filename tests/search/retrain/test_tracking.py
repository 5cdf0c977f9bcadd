"""What trackers are told of a retraining that is interrupted and gone on with, or begins anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from small_runs import make_run

from lcsearch.core.job import WEIGHTS, Verdict
from lcsearch.core.records import EpochRecord
from lcsearch.core.trainings import TrainingRecord
from lcsearch.engines import Ending
from lcsearch.engines.ray.dispatcher import Dispatcher
from lcsearch.engines.ray.messages import Epoch
from lcsearch.engines.ray.storage import SharedStorage
from lcsearch.engines.ray.trial_storage import TrialStorage
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.search.observer import Observer
from lcsearch.search.retrain.director import RetrainDirector, Task, tasks_for

pytestmark = pytest.mark.slow


class Hears(Observer):
    """Keeps what it hears of trainings."""

    def __init__(self) -> None:
        self.heard: list[TrainingRecord] = []

    def training(self, record: TrainingRecord) -> None:
        self.heard.append(record)


@pytest.fixture
def tasks(tmp_path: Path) -> Sequence[Task]:
    run = make_run(tmp_path / "run")
    return tasks_for(run, [read_run(run).trials[0]], 3, 1, RunDirectory.open(run).read().settings)


def directed(tasks: Sequence[Task]) -> tuple[RetrainDirector, Hears]:
    """A session."""
    director, hears = RetrainDirector(tasks, 0, 0, lambda line: None), Hears()
    director.audience.add(hears)
    return director, hears


def begun(tasks: Sequence[Task]) -> tuple[RetrainDirector, Hears, int]:
    """A session whose training has begun, and its number."""
    director, hears = directed(tasks)
    job = director.next_job()
    assert job is not None
    director.on_started(job.number, "worker")
    return director, hears, job.number


def shown(hears: Hears) -> list[list[float]]:
    """The accuracies of the epochs that each call told of."""
    return [[done.accuracy for done in record.epochs] for record in hears.heard]


def test_a_training_that_goes_on_is_told_with_its_earlier_epochs(tasks: Sequence[Task]) -> None:
    director, hears, number = begun(tasks)
    for epoch in (1, 2):
        assert director.on_epoch(number, epoch, {"accuracy": 10.0 * epoch}) is Verdict.GO_ON
    assert shown(hears) == [[], [10], [10, 20]]
    director, hears, number = begun(tasks)  # the process was killed; its last checkpoint is of epoch 1
    director.on_epoch(number, 2, {"accuracy": 21.0})
    director.on_epoch(number, 3, {"accuracy": 30.0})
    director.on_failed(number, "on purpose")
    assert shown(hears) == [[], [10, 21], [10, 21, 30], [10, 21, 30]]
    last = hears.heard[-1]
    assert (last.state, last.reason, last.trial.number, last.seed) == ("failed", "on purpose", 0, 1)


@pytest.mark.parametrize("removed", [True, False])
def test_epochs_that_a_training_has_not_come_to_are_not_told(tasks: Sequence[Task], removed: bool) -> None:
    """It begins anew: its folder was removed, or its checkpoint does not read."""
    director, _, number = begun(tasks)
    for epoch in (1, 2, 3):
        director.on_epoch(number, epoch, {"accuracy": 10.0 * epoch})
    if removed:
        tasks[0].folder.rmdir()
    director, hears, number = begun(tasks)
    assert bool(tasks[0].epochs.read()) is not removed
    director.on_epoch(number, 1, {"accuracy": 11.0})
    assert shown(hears) == [[], [11]]


def test_epochs_come_back_though_the_training_is_on_shared_storage(
    tasks: Sequence[Task], tmp_path: Path
) -> None:
    """Its folder is there while it trains, with all that an earlier session left in it."""
    director, _, number = begun(tasks)
    director.on_epoch(number, 1, {"accuracy": 10.0})
    (tasks[0].folder / "checkpoint.pt").write_text("of epoch 1")
    director, hears = directed(tasks)
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")
    dispatcher = Dispatcher(director, lambda: 1, shared)
    dispatcher.next_job("a")
    assert not tasks[0].folder.exists()
    for epoch in (1, 2):
        dispatcher.hear("a", Epoch(epoch, {"accuracy": 10.0 * epoch}))
    dispatcher.hear("a", Ending("suspended"))
    assert (tasks[0].folder / "checkpoint.pt").exists()
    assert shown(hears) == [[10], [10, 20]]
    assert [done.accuracy for done in tasks[0].epochs.read()] == [10, 20]


def test_a_training_of_an_earlier_session_ended_when_it_did(tasks: Sequence[Task]) -> None:
    director, _, number = begun(tasks)
    (tasks[0].folder / WEIGHTS).touch()
    for epoch in (1, 2, 3):
        tasks[0].epochs.add(EpochRecord(epoch, 10.0 * epoch, 0.5, 60.0, 1000.0 + 60 * epoch))
    director.on_complete(number, {"accuracy": 30.0})
    for session in director, directed(tasks)[0]:
        hears = Hears()
        session.audience.add(hears)
        session.tell_results()
        (told,) = hears.heard
        assert (told.state, told.started_at, told.finished_at) == ("complete", 1000.0, 1180.0)
        assert [done.epoch for done in told.epochs] == [1, 2, 3]

"""What trackers are told of a retraining that is interrupted and gone on with."""

from __future__ import annotations

from pathlib import Path

from small_runs import make_run

from lcsearch.core.job import Verdict
from lcsearch.core.trainings import TrainingRecord
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.search.observer import Observer
from lcsearch.search.retrain.director import RetrainDirector, tasks_for


class Hears(Observer):
    """Keeps what it hears of trainings."""

    def __init__(self) -> None:
        self.heard: list[TrainingRecord] = []

    def training(self, record: TrainingRecord) -> None:
        self.heard.append(record)


def test_a_training_that_goes_on_is_told_with_its_earlier_epochs(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    trial, settings = read_run(run).trials[0], RunDirectory.open(run).read().settings
    tasks = tasks_for(run, [trial], 3, 1, settings)

    def session() -> tuple[RetrainDirector, Hears, int]:
        director, hears = RetrainDirector(tasks, 0, 0, lambda line: None), Hears()
        director.audience.add(hears)
        job = director.next_job()
        assert job is not None
        director.on_started(job.number, "worker")
        return director, hears, job.number

    director, hears, number = session()
    for epoch in (1, 2):
        assert director.on_epoch(number, epoch, {"accuracy": 10.0 * epoch}) is Verdict.GO_ON
    assert [len(record.epochs) for record in hears.heard] == [0, 1, 2]
    director, hears, number = session()  # the process was killed; its last checkpoint is of epoch 1
    director.on_epoch(number, 2, {"accuracy": 21.0})
    director.on_epoch(number, 3, {"accuracy": 30.0})
    director.on_failed(number, "on purpose")
    shown = [[done.accuracy for done in record.epochs] for record in hears.heard]
    assert shown == [[10, 20], [10, 21], [10, 21, 30], [10, 21, 30]]
    last = hears.heard[-1]
    assert (last.state, last.reason, last.trial.number, last.seed) == ("failed", "on purpose", 0, 1)

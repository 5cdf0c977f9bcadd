"""Hands out trainings to an engine and writes down what came of them; nothing is stopped early."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lcsearch.core.job import Job, Metrics, Verdict
from lcsearch.core.records import EpochRecord, RetrainWay, TrialRecord
from lcsearch.core.seeds import retrain_seed
from lcsearch.core.spec import TrialSpec
from lcsearch.core.text import format_seconds
from lcsearch.core.trainings import TrainingRecord
from lcsearch.runs.inputs import MOST_SEEDS
from lcsearch.runs.retrained import Result, folder_of, read_result
from lcsearch.runs.retrained_epochs import EpochFile
from lcsearch.runs.settings import RunSettings
from lcsearch.search.job_queue import JobQueue
from lcsearch.search.observer import Audience, epoch_record
from lcsearch.search.retrain.ways import recipe_of


@dataclass(frozen=True, slots=True)
class Task:
    """One training.

    Attributes:
        trial: The trial whose spec is trained.
        seed: 1 for the first.
        spec: The trial's spec with more epochs.
        folder: Where its files go.
        init: Whether it starts from fresh weights or goes on from the compressed ones of its trial.
    """

    trial: TrialRecord
    seed: int
    spec: TrialSpec
    folder: Path
    init: RetrainWay = "scratch"

    @property
    def number(self) -> int:
        """What engines call it: the same in each session."""
        return (2 * self.trial.number + (self.init == "compressed")) * (MOST_SEEDS + 1) + self.seed

    def record(self) -> TrainingRecord:
        """What is known of it, as a training that has not begun."""
        return TrainingRecord(self.trial, self.seed, self.init, self.spec)

    @property
    def epochs(self) -> EpochFile:
        """The epochs that it has finished."""
        return EpochFile(self.folder, self.spec.fingerprint())

    @property
    def name(self) -> str:
        """What users call it."""
        kind = "" if self.init == "scratch" else f" on from its {self.init} weights"
        return f"trial {self.trial.number}{kind}, seed {self.seed}"

    @property
    def start(self) -> Path | None:
        """The folder that it starts from; None for fresh weights."""
        return None if self.init == "scratch" else self.folder.parent / "start"

    def result(self) -> Result | None:
        """What an earlier session finished; None where that trained another spec."""
        result = read_result(self.folder)
        return result if result is not None and result.fingerprint == self.spec.fingerprint() else None


def tasks_for(
    run: Path,
    trials: Sequence[TrialRecord],
    epochs: int,
    seeds: int,
    settings: RunSettings,
    ways: Sequence[RetrainWay] = ("scratch",),
) -> list[Task]:
    """Every training, all models with one seed before any with the next."""
    return [
        Task(
            trial,
            seed,
            replace(trial.spec, recipe=recipe_of(trial, way, epochs, settings)),
            (folder_of(run, epochs, trial.number, way) / f"seed-{seed}").resolve(),
            way,
        )
        for seed in range(1, seeds + 1)
        for trial in trials
        for way in ways
    ]


class RetrainDirector:
    """Directs a retraining.

    Args:
        tasks: Every training; those that are finished are not handed out.
        seed: The run's seed.
        max_failures: How often a training whose worker was lost is tried again.
        say: Called with a line for the user.
    """

    def __init__(
        self, tasks: Sequence[Task], seed: int, max_failures: int, say: Callable[[str], None]
    ) -> None:
        self._tasks = {task.number: task for task in tasks}
        self._say = say
        self._jobs = JobQueue(max_failures)
        for task in tasks:
            if task.result() is None:
                self._jobs.add(_job(task, seed))
        self._done = len(tasks) - len(self._jobs.waiting)
        self._begun: dict[int, float] = {}
        self._records: dict[int, TrainingRecord] = {}
        self.failed: dict[str, str] = {}
        self.audience = Audience()

    @property
    def waiting(self) -> list[Task]:
        """What is not handed out yet."""
        return [self._tasks[job.number] for job in self._jobs.waiting]

    @property
    def finished(self) -> bool:
        """True once nothing is live and nothing more will be handed out."""
        return self._jobs.idle

    @property
    def interrupted(self) -> bool:
        """Whether the retraining was told to leave before its end."""
        return self._jobs.interrupted

    def interrupt(self) -> None:
        """Let every training finish its epoch, keep its checkpoint, and hand out nothing more."""
        self._jobs.interrupt()

    def next_job(self) -> Job | None:
        """The next training."""
        return self._jobs.take()

    def on_started(self, number: int, worker: str) -> None:
        """A worker has begun; where it goes on it repeats its last epoch, which tells the earlier ones."""
        self._begun[number] = time.monotonic()
        self._tell(number, started_at=time.time())

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        """Nothing is compared before the end."""
        task = self._tasks[number]
        task.epochs.add(epoch_record(epoch, metrics))
        self._tell(number, epochs=task.epochs.read(epoch))
        last = epoch >= task.spec.recipe.epochs
        return Verdict.SUSPEND if self.interrupted and not last else Verdict.GO_ON

    def on_complete(self, number: int, metrics: Metrics) -> None:
        """Write down what was reached."""
        task, accuracy = self._tasks[number], float(metrics["accuracy"])
        if not math.isfinite(accuracy):
            self.on_failed(number, f"accuracy is {accuracy}")
            return
        self._jobs.end(number)
        epochs = task.spec.recipe.epochs
        fingerprint = task.spec.fingerprint()
        Result(task.trial.number, task.seed, epochs, fingerprint, accuracy, task.folder, task.init).write()
        self._done += 1
        took = format_seconds(time.monotonic() - self._begun.get(number, time.monotonic()))
        self._say(f"[{self._done}/{len(self._tasks)}] {task.name}: {accuracy:.2f} % on validation, {took}")

    def on_suspended(self, number: int) -> None:
        """It has left with its checkpoint kept."""
        self._jobs.end(number)

    def on_failed(self, number: int, reason: str) -> None:
        """The training raised; the others go on."""
        self._jobs.end(number)
        name = self._tasks[number].name
        self.failed[name] = reason
        self._tell(number, state="failed", reason=reason, finished_at=time.time())
        self._say(f"{name}: failed: {reason}")

    def on_lost(self, number: int, reason: str) -> None:
        """The worker died: try again from the last checkpoint, a few times."""
        if self._jobs.try_again(number):
            self._say(f"{self._tasks[number].name}: {reason}; trying again from its last checkpoint")
        else:
            self.on_failed(number, reason)

    def on_spent(self, number: int, seconds: Metrics) -> None:
        """Nobody asks where a retraining's time went."""

    def tick(self) -> None:
        """Nothing depends on the clock."""

    def tell_results(self) -> None:
        """Tell of every training that has its end, tested or not."""
        for number, task in self._tasks.items():
            if (result := task.result()) is not None:
                epochs = task.epochs.read()
                reached = {"accuracy": result.accuracy, "test_accuracy": result.test_accuracy}
                self._tell(number, state="complete", epochs=epochs, **reached, **_times(epochs))

    def _tell(self, number: int, **news: Any) -> None:
        known = self._records.get(number) or self._tasks[number].record()
        self._records[number] = replace(known, **news)
        self.audience.training(self._records[number])


def _times(epochs: Sequence[EpochRecord]) -> dict[str, float]:
    """When a training began and ended, by its epochs: an earlier session may have trained it."""
    if not epochs:
        return {}
    first, last = epochs[0], epochs[-1]
    took = 0.0 if math.isnan(first.seconds) else first.seconds
    return {"started_at": first.finished_at - took, "finished_at": last.finished_at}


def _job(task: Task, seed: int) -> Job:
    resume = task.folder.is_dir()
    if not resume:  # its folder was removed, to train it anew
        task.epochs.clear()
    task.folder.mkdir(parents=True, exist_ok=True)
    folder = str(task.folder)
    start = "" if task.start is None else str(task.start)
    return Job(task.number, 0, retrain_seed(seed, task.seed), task.spec, folder, resume, start)

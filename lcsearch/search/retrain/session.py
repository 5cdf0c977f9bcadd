"""A session of ``lcsearch retrain``: trains what is left, then tests, then writes results and report."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lcsearch import report
from lcsearch.core.errors import InputError
from lcsearch.core.functions import look_in
from lcsearch.core.records import RetrainRecord, RetrainWay, RunRecord, TrialRecord
from lcsearch.core.text import format_seconds
from lcsearch.engines import Engine
from lcsearch.runs import trackers
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.inputs import checked, inputs_of
from lcsearch.runs.read import read_run
from lcsearch.runs.retrained import write_results
from lcsearch.search.images import check_images
from lcsearch.search.retrain.director import RetrainDirector, Task, tasks_for
from lcsearch.search.retrain.picks import picks
from lcsearch.search.retrain.testing import evaluate_once
from lcsearch.search.retrain.ways import AskedWay, Comparison, Starts, compared, default_way, ways_of
from lcsearch.search.session import Session
from lcsearch.search.workers import make_engine, make_objective

_WORDS: dict[tuple[RetrainWay, ...], str] = {
    ("scratch",): "from scratch",
    ("compressed",): "on from their compressed weights",
    ("scratch", "compressed"): "from scratch and on from their compressed weights",
}

LONGER = 3
"""Times the run's epochs, unless the user says how many."""


@dataclass(frozen=True, slots=True)
class Request:
    """What ``lcsearch retrain`` was asked for.

    Attributes:
        top: Only so many of the front; None for all of it.
        trials: These trials instead of the front.
        epochs: Passes over the training images; None for `LONGER` times the run's.
        seeds: Trainings of each model.
        init: Where their weights come from; None for where the run's trials started.
        changes: Settings of the run that are different here: engine, jobs and the like.
    """

    top: int | None = None
    trials: tuple[int, ...] = ()
    epochs: int | None = None
    seeds: int = field(kw_only=True)
    init: AskedWay | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Request:
        """What a user said, by the names of settings; None where it is left to us.

        Raises:
            InputError: A value is not allowed.
        """
        asked = {"seeds": inputs_of("retrain")["seeds"].default} | checked(said, "retrain")
        own = {name: asked.pop(name) for name in ("top", "epochs", "seeds", "init") if name in asked}
        return cls(**own, trials=asked.pop("trial", ()), changes=asked)


class RetrainSession(Session):
    """A run that is open for retraining; a context manager that holds the run's lock.

    Args:
        path: The run directory.
        request: What to do.
        say: Called with a line for the user.
        engine: Trains; None for the one that the settings ask for.

    Raises:
        InputError: It is no run, has nothing to retrain, or its images have changed.
        HaltError: Its images cannot be read.
    """

    def __init__(
        self,
        path: Path,
        request: Request,
        say: Callable[[str], None] = lambda line: None,
        engine: Engine | None = None,
    ) -> None:
        directory = RunDirectory.open(path)
        run = read_run(path)
        recorded = directory.read()
        settings = recorded.settings
        look_in(recorded.modules_in)
        if settings.objective is not None:
            raise InputError(
                f"{path}: was trained by your own loop ({settings.objective}), which 'lcsearch retrain' does "
                "not call; 'lcsearch export' gives a config to train it with"
            )
        self.settings = settings.changed(request.changes)
        self.images = check_images(directory, recorded, self.settings)
        if self.images.lost_tests:
            raise InputError(
                f"{path}: {self.images.note}; no test image is as it was, so none is left to test on"
            )
        self.epochs = request.epochs or LONGER * settings.recipe.epochs
        self.trials = picks(run, request.top, request.trials)
        self.ways = ways_of(request.init or default_way(settings))
        self.tasks: Sequence[Task] = tasks_for(
            path, self.trials, self.epochs, request.seeds, settings, self.ways
        )
        self._say = say
        self.director: RetrainDirector
        self._train = make_objective(self.settings, self.images)
        engine = engine or make_engine(self.settings, path / "retrain")
        super().__init__(directory, engine, self._train, trackers.make(self.settings.track))
        self._starts = self._make_starts(run)

    def _enter(self, stack: ExitStack) -> None:
        self.director = RetrainDirector(self.tasks, self.settings.seed, self.settings.max_failures, self._say)
        if self.director.waiting:
            self._write_starts()
            self.engine.prepare(self._objective)

    def introduction(self) -> list[str]:
        """What is going to be trained, and about how long that takes."""
        seeds = len(self.tasks) // len(self.trials) // len(self.ways)
        numbers = ", ".join(str(trial.number) for trial in self.trials)
        left = self.director.waiting
        lines = [
            f"retraining {len(self.trials)} models (trials {numbers}) of {self.path}: "
            f"{self.epochs} epoch{'s' if self.epochs > 1 else ''}, "
            f"{seeds} seed{'s' if seeds > 1 else ''}, {_WORDS[self.ways]}",
            *([self.images.note] if self.images.note else []),
        ]
        if not left:
            return [*lines, "every training is finished already"]
        seconds = self._seconds(left)
        about = f", about {format_seconds(seconds)} by the search's speed" if seconds else ""
        return [*lines, f"{len(left)} trainings to go with {self.engine.describe()}{about}"]

    def run(self) -> str | None:
        """Train until the end, an interruption, or a fault.

        Returns:
            What went wrong, in one line; None if nothing did.
        """
        self._track(self.director.audience, read_run(self.path).trials, self._say)
        return None if self.director.finished else self._drive(self.director, self._say)

    def finish(self) -> tuple[RetrainRecord, ...]:
        """Test what is trained, once, and write results.yaml and the report.

        Raises:
            InputError: No training has finished, or the test images are not there.
        """
        if all(task.result() is None for task in self.tasks):
            raise InputError(f"{self.path}: no training has finished, so there is nothing to test")
        recorded = self._directory.read()
        notes = self.images.noted(recorded.notes)
        if notes != recorded.notes:
            self._directory.write(replace(recorded, notes=notes))
        evaluate_once(self._chosen(), self.settings, self._train.data(), self.images.recorded)
        run = read_run(self.path)
        records = write_results(self.path, self.epochs, run.trials, run.metric)
        report.write(read_run(self.path), self._directory.report)
        self.director.tell_results()
        results = self.path / "retrain" / "results.yaml"
        self._give_files(self._directory.best, self._directory.report, results)
        return records

    def comparisons(self) -> list[Comparison]:
        """The models that were trained both ways, as far as both were asked for."""
        found = (task.result() for task in self.tasks)
        return compared([result for result in found if result is not None])

    def _chosen(self) -> list[Task]:
        """What is tested: of a model that was trained both ways the better on validation images."""
        better = {comparison.trial: comparison.better for comparison in self.comparisons()}
        return [task for task in self.tasks if better.get(task.trial.number, task.init) == task.init]

    def _make_starts(self, run: RunRecord) -> Starts:
        backbone = next(trial for trial in run.trials if trial.origin == "baseline")
        starts = Starts(self.path, self.settings, backbone, self._train.data, self.images.seen, self._say)
        for task in self.tasks:
            if task.start is not None:
                starts.check(task.trial, task.spec.recipe, task.start)
        return starts

    def _write_starts(self) -> None:
        for task in self.director.waiting:
            if task.start is not None:
                self._starts.write(task.trial, task.spec.recipe, task.start)

    def _seconds(self, tasks: Sequence[Task]) -> float:
        jobs = self.engine.jobs
        return sum(self.epochs * _epoch_seconds(task.trial) for task in tasks) / jobs


def _epoch_seconds(trial: TrialRecord) -> float:
    known = [epoch.seconds for epoch in trial.epochs if epoch.seconds == epoch.seconds]
    return statistics.median(known) if known else 0.0

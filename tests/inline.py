"""An engine without processes and a simulated objective: for tests of the search alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lcsearch.core.job import Job, Metrics, Objective, Report, Verdict
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.core.yaml import write_yaml
from lcsearch.engines import Director, Ending, run_job, tell
from lcsearch.nets.count import Count
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.facts import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.search.make import Sizer, _bind
from lcsearch.search.planner import Planner
from lcsearch.search.proposals.queue import Prepare
from lcsearch.search.session import Session
from lcsearch.search.space import load_space

FACTS = Facts(10, 1, 32, 100, 1000, 10_000, 400_000)


class Remembering(Sizer):
    """Counts each model once for all tests of this process: it takes longer than what they simulate."""

    _counts: ClassVar[dict[str, Count]] = {}

    def __call__(self, spec: ModelSpec) -> Count:
        key = repr((self._shape, spec))
        if key not in self._counts:
            self._counts[key] = super().__call__(spec)
        return self._counts[key]


class Killed(BaseException):
    """Stands for ``kill -9`` of this process: nothing may catch it."""


class InlineEngine:
    """Runs one trial at a time in this process."""

    jobs = 1

    def describe(self) -> str:
        return "this process"

    def prepare(self, objective: Objective) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, director: Director, objective: Objective) -> None:
        while not director.finished:
            job = director.next_job()
            if job is not None:
                director.on_started(job.number, "inline")
                tell(director, job.number, _run(director, objective, job))
            director.tick()


def _run(director: Director, objective: Objective, job: Job) -> Ending:
    """What breaks in the director, or kills the process, is not the objective's end."""
    raised: list[BaseException] = []

    def hear(epoch: int, metrics: Metrics) -> Verdict:
        try:
            return director.on_epoch(job.number, epoch, metrics)
        except BaseException as error:
            raised.append(error)
            raise

    def mortal(job: Job, report: Report) -> Metrics:
        try:
            return objective(job, report)
        except Killed as error:
            raised.append(error)
            raise

    ending = run_job(job, mortal, hear)
    if raised:
        raise raised[0]
    return ending


@dataclass(frozen=True)
class Simulated:
    """Accuracy as a smooth function of size, seed and epoch; trains nothing."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        epochs = job.spec.recipe.epochs
        kept = sum(layer.alpha for layer in job.spec.model.layers.values())
        for epoch in range(1, epochs + 1):
            accuracy = 90 - 20 * math.exp(-epoch) - kept + (job.seed % 97) / 97
            if not report(epoch, {"accuracy": accuracy, "seconds": 0.01, "train_loss": 1.0}):
                break
        return {"accuracy": accuracy}


def session(
    path: Path, objective: Objective | None = None, prepare: Prepare | None = None, **changes: object
) -> Session:
    """A session over ``base``, new or taken up where it was left."""
    values: dict[str, object] = {"trials": 12, "recipe": Recipe(epochs=4), "sampler": "tpe"} | changes
    settings = RunSettings("base", "digits", **values)  # type: ignore[arg-type]
    if (path / "run.yaml").exists():
        directory = RunDirectory.open(path)
    else:
        directory = RunDirectory.create(path)
        plain = {"version": 1, "settings": settings.to_plain(), "facts": {"smallest_params": 10_000}}
        write_yaml(directory.settings, plain)
    bound = _bind(load_space(None, "base"), settings, FACTS)
    planner = Planner(bound, settings, FACTS.validation_images, [], Remembering(FACTS), prepare)
    made = Session(directory, settings, FACTS, planner, objective or Simulated())
    made.engine = InlineEngine()
    return made

"""Searches that cut their models out of a backbone, driven in one process without any training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import simulated_search
from inline_engine import Killed
from simulated_search import Simulated

from lcsearch.core.job import Job, Progress, Report, ResultError
from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.runs.read import read_run
from lcsearch.search.proposals.handpicked import hand_picked
from lcsearch.search.session import SearchSession

SCRATCH = Recipe(epochs=3)
TUNED = Recipe(epochs=4, lr=0.02, init="backbone")
TAUGHT = replace(TUNED, distill=0.5)
BACKBONE = ModelSpec("base", 10, 1)
Outline = list[tuple[object, ...]]
PICKED = [one.origin for one in hand_picked(simulated_search.bound_base())[1:]]
"""What one would pick by hand, as far down as the space goes: tests/search/proposals say what it is."""
SIZES = PICKED.count("thinner")
LAYERS = ("features.4", "features.8")
PROPOSED = tuple(
    replace(BACKBONE, layers={name: LinearSpec(alpha) for name in LAYERS}) for alpha in (0.25, 0.125)
)


@dataclass
class Clock:
    """Kills at the n-th of everything that happens."""

    at: int = -1
    ticks: Iterator[int] = field(default_factory=count)

    def tick(self) -> None:
        if next(self.ticks) == self.at:
            raise Killed


class Trains(Simulated):
    """Says what it was asked to train, and leaves weights."""

    def __init__(self, clock: Clock | None = None, fails: int = -1) -> None:
        self.clock, self.fails, self.jobs = clock or Clock(), fails, list[Job]()

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        self.jobs.append(job)
        if job.number == self.fails:
            raise ResultError("the loss is nan")
        assert bool(job.start) == (job.spec.recipe.init == "backbone" or job.spec.recipe.distill > 0)
        if job.start:
            assert (Path(job.start) / "backbone.safetensors").read_bytes() == b"weights of trial 0"
            assert (Path(job.start) / "sensitivity.json").read_text() == "measured"

        def told(epoch: int, metrics: Mapping[str, float]) -> bool:
            self.clock.tick()
            go_on = report(epoch, metrics)
            self.clock.tick()
            return go_on

        metrics = super().__call__(job, told)
        folder = Path(job.directory)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.safetensors").write_text(f"weights of trial {job.number}")
        return {**metrics, "accuracy_before": 40.0 + job.number} if job.start else metrics


class Measures:
    """A preparation that takes a while, and can be cut."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock, self.made = clock or Clock(), 0

    def __call__(self, start: Path, progress: Progress) -> Sequence[ModelSpec]:
        assert (start / "backbone.safetensors").is_file()
        if not (start / "sensitivity.json").is_file():
            for step in range(3):
                progress(f"measuring: {step} of 3")
                self.clock.tick()
            (start / "sensitivity.json").write_text("measured")
            self.made += 1
        return PROPOSED


def opened(
    path: Path, objective: Trains | None = None, prepare: Measures | None = None, **changes: object
) -> SearchSession:
    asked: dict[str, object] = {"init": "trained", "recipe": SCRATCH, "fine_tune": TUNED, "trials": 16}
    return simulated_search.session(path, objective or Trains(), prepare or Measures(), **(asked | changes))


def search(path: Path, **changes: object) -> tuple[TrialRecord, ...]:
    with opened(path, **changes) as session:  # type: ignore[arg-type]
        assert session.run() is None
    return read_run(path).trials


def finish(search: object, job: Job | None) -> None:
    assert job is not None
    search.on_complete(job.number, Trains()(job, lambda epoch, metrics: True))  # type: ignore[attr-defined]

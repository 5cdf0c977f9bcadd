"""Searches that cut their models out of a backbone, driven in one process without any training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from inline import Simulated, session
from outline import outline

from lcsearch.engines.base import Job, Report
from lcsearch.gate import Progress
from lcsearch.reading import read_run
from lcsearch.records import TrialRecord
from lcsearch.session import Session
from lcsearch.spec import LayerSpec, ModelSpec, Recipe

SCRATCH = Recipe(epochs=3)
TUNED = Recipe(epochs=4, lr=0.02, init="backbone")
BACKBONE = ModelSpec("base", 10, 1)
LAYERS = ("features.4", "features.8")
PROPOSED = tuple(
    replace(BACKBONE, layers={name: LayerSpec("linear", alpha) for name in LAYERS}) for alpha in (0.25, 0.125)
)


class Killed(BaseException):
    """The process is gone."""


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
            raise ValueError("the loss is nan")
        assert bool(job.start) == (job.spec.recipe.init == "backbone")
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


def opened(path: Path, clock: Clock | None = None, fails: int = -1, **changes: object) -> Session:
    asked: dict[str, object] = {"init": "trained", "recipe": SCRATCH, "fine_tune": TUNED, "trials": 16}
    return session(path, Trains(clock, fails), Measures(clock), **(asked | changes))


def search(path: Path, **changes: object) -> tuple[TrialRecord, ...]:
    with opened(path, **changes) as sitting:  # type: ignore[arg-type]
        assert sitting.run() is None
    return read_run(path).trials


def test_the_backbone_and_thinner_nets_come_first_then_what_is_cut_out_of_it(tmp_path: Path) -> None:
    trials = search(tmp_path / "run")
    origins = [t.origin for t in trials]
    known = ["baseline", *["thinner"] * 3, *["uniform"] * 3, *["sensitivity"] * 2, *["given"] * 3]
    assert origins[:12] == known
    assert set(origins[12:]) == {"sampler"}
    assert trials[0].spec.recipe == SCRATCH
    assert all(t.spec.recipe == replace(SCRATCH, epochs=3 + 4) for t in trials[1:4])
    assert all(t.spec.recipe == TUNED for t in trials[4:])
    assert [t.spec.model.layers for t in trials[7:9]] == [model.layers for model in PROPOSED]
    assert trials[7].label.startswith("least loss at ")


def test_accuracies_before_fine_tuning_are_recorded_also_of_stopped_trials(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", trials=24)
    cut = [t for t in trials if t.spec.recipe.init == "backbone" and t.duplicate_of is None]
    assert {t.state for t in cut} == {"complete", "pruned"}
    assert all(t.metrics["accuracy_before"] == 40.0 + t.number for t in cut)
    assert all("accuracy_before" not in t.metrics for t in trials[:4])


def test_what_must_be_cut_out_waits_for_the_backbone(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as sitting:
        search = sitting.search
        jobs = [search.next_job() for _ in range(6)]
        assert [job and job.number for job in jobs] == [0, 1, 2, 3, None, None]
        assert [job.start for job in jobs if job] == [""] * 4
        assert not search.finished
        finish(search, jobs[1])
        assert search.next_job() is None
        assert not (tmp_path / "run/start").exists()
        finish(search, jobs[0])
        later = [search.next_job() for _ in range(3)]
        assert [job and (job.number, job.start) for job in later] == [
            (number, str(tmp_path / "run/start")) for number in (4, 5, 6)
        ]
        assert sitting._planner.prepare.made == 1  # type: ignore[union-attr]


def finish(search: object, job: Job | None) -> None:
    assert job is not None
    search.on_complete(job.number, Trains()(job, lambda epoch, metrics: True))  # type: ignore[attr-defined]


def test_a_backbone_that_fails_ends_the_run_in_one_line(tmp_path: Path) -> None:
    with opened(tmp_path / "run", fails=0) as sitting:
        said = sitting.run()
        assert said is not None and said.startswith("trial 0, the plain backbone, failed (the loss is nan)")
        assert sitting.search.finished and not sitting.can_go_on
    assert [t.state for t in read_run(tmp_path / "run").trials] == ["failed"]
    with opened(tmp_path / "run") as again:
        assert again.run() == said
    assert len(read_run(tmp_path / "run").trials) == 1


def test_a_backbone_whose_worker_died_is_trained_again(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as sitting:
        search = sitting.search
        first = search.next_job()
        assert first is not None
        search.on_lost(first.number, "killed")
        again = search.next_job()
        assert again is not None and (again.number, again.attempt, again.resume) == (0, 1, True)


def test_interrupted_while_preparing_it_goes_on_later(tmp_path: Path) -> None:
    whole = search(tmp_path / "whole")
    with opened(tmp_path / "cut") as sitting:
        prepare = sitting._planner.prepare
        assert isinstance(prepare, Measures)
        prepare.clock.tick = sitting.search.interrupt  # type: ignore[method-assign]
        assert sitting.run() is None
        assert sitting.search.interrupted and prepare.made == 0
    assert len(read_run(tmp_path / "cut").trials) == 4
    assert outline(search(tmp_path / "cut")) == outline(whole)


def test_killed_at_any_moment_it_resumes_to_the_same_run(tmp_path: Path) -> None:
    """Each of the 3 + 3 * 7 epochs before the backbone is measured is two moments, each third of that one."""
    measuring = 2 * (3 + 3 * 7)
    whole = outline(search(tmp_path / "whole", trials=8))
    for at in (0, 5, 6, measuring - 1, measuring, measuring + 2, measuring + 3, measuring + 10):
        path = tmp_path / str(at)
        with pytest.raises(Killed), opened(path, Clock(at), trials=8) as sitting:
            sitting.run()
        assert outline(search(path, trials=8)) == whole, at


def test_two_sittings_give_the_same_run_as_one(tmp_path: Path) -> None:
    whole = outline(search(tmp_path / "whole", trials=18))
    for first in (1, 4, 9, 14):
        search(tmp_path / str(first), trials=first)
        assert outline(search(tmp_path / str(first), trials=18)) == whole, first


def test_a_start_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    whole = outline(search(tmp_path / "whole", trials=14))
    search(tmp_path / "run", trials=9)
    (tmp_path / "run/start/backbone.safetensors").unlink()
    (tmp_path / "run/start/sensitivity.json").unlink()
    assert outline(search(tmp_path / "run", trials=14)) == whole


def given(path: Path, **changes: object) -> tuple[TrialRecord, ...]:
    """A run from a backbone that the user gave."""
    start = path / "start"
    start.mkdir(parents=True, exist_ok=True)
    (start / "backbone.safetensors").write_text("weights of trial 0")
    return search(path, init="/somewhere/mine.safetensors", **changes)


def test_a_given_backbone_is_fine_tuned_like_everything_cut_out_of_it(tmp_path: Path) -> None:
    trials = given(tmp_path / "run")
    assert [t.origin for t in trials][:7] == ["baseline", *["thinner"] * 3, *["uniform"] * 3]
    assert trials[0].spec.recipe == TUNED and trials[0].spec.model == BACKBONE
    assert trials[0].metrics["accuracy_before"] == 40.0
    assert all(t.spec.recipe == replace(SCRATCH, epochs=7) for t in trials[1:4])
    assert all(t.spec.recipe == TUNED for t in trials[4:])
    halves = given(tmp_path / "halves", trials=6)
    assert outline(halves) == outline(trials)[:6]
    assert outline(given(tmp_path / "halves")) == outline(trials)


def test_nothing_waits_for_a_given_backbone(tmp_path: Path) -> None:
    given(tmp_path / "run", trials=1)
    with opened(tmp_path / "run", init="/somewhere/mine.safetensors") as sitting:
        jobs = [sitting.search.next_job() for _ in range(5)]
        assert [job and job.number for job in jobs] == [1, 2, 3, 4, 5]

"""Searches whose last trials train front models on, driven in one process without any training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest
from cut_search import SCRATCH, TUNED, Clock, Outline, Trains, opened
from inline_engine import Killed
from outline import outline
from simulated_search import bound_base
from simulated_search import session as session_from_scratch

from lcsearch.core.job import Job, Report
from lcsearch.core.records import HAND_PICKED, RIVALS, SEARCHED, TrialRecord
from lcsearch.runs.choose import front_of
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

TRIALS, FIRST, EPOCHS = 36, 27, 2


class Continues(Trains):
    """Better are larger models, by a point each time, and those that train on."""

    of_thinner = 0.0

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        longer = job.spec.recipe.init == "trial"
        if longer:
            assert job.parent is not None and job.parent.model == job.spec.model
            weights = Path(job.parent.folder) / "weights.safetensors"
            assert weights.read_text() == f"weights of trial {int(weights.parent.name)}"
        size = math.log2(bound_base().params(job.spec.model) / 400_000)
        final = (
            90 + size + (job.seed % 97) / 97 + 1.5 * longer + self.of_thinner * bool(job.spec.model.channels)
        )

        def told(epoch: int, metrics: Mapping[str, float]) -> bool:
            return report(epoch, {**metrics, "accuracy": final - math.exp(-epoch)})

        metrics = super().__call__(job, told)
        return {**metrics, "accuracy": final - math.exp(-job.spec.recipe.epochs)}


class ThinnerWins(Continues):
    """Models that are picked by hand beat some of the search's own front."""

    of_thinner = 0.8


def session(path: Path, objective: Trains | None = None, **changes: object):  # type: ignore[no-untyped-def]
    asked: dict[str, object] = {
        "trials": TRIALS, "finish": 0.25, "finish_epochs": EPOCHS, "inherit": True,
    }  # fmt: skip
    return opened(path, objective or Continues(), **(asked | changes))  # type: ignore[arg-type]


def search(path: Path, objective: Trains | None = None, **changes: object) -> tuple[TrialRecord, ...]:
    with session(path, objective, **changes) as made:
        assert made.run() is None
    return read_run(path).trials


@pytest.fixture(scope="module")
def moments() -> Clock:
    """Counts what happens in the undisturbed run."""
    return Clock()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, moments: Clock) -> tuple[TrialRecord, ...]:
    """An undisturbed run."""
    return search(tmp_path_factory.mktemp("runs") / "whole", Continues(moments))


def trained(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [t for t in trials if t.state != "rejected" and t.duplicate_of is None]


def own_front(trials: Sequence[TrialRecord]) -> set[int]:
    """The front of what the search found, before any of it trained on."""
    return {t.number for t in front_of([t for t in trials if t.origin in SEARCHED and not t.continues])}


def test_the_last_quarter_trains_front_models_on(whole: tuple[TrialRecord, ...]) -> None:
    assert len(trained(whole)) == TRIALS
    last = [t for t in whole if t.continues]
    assert trained(whole)[FIRST:] == last and len({t.parent for t in last}) == len(last) == TRIALS - FIRST
    first = whole[: last[0].number]
    fronts = own_front(first), {t.number for t in front_of([t for t in first if t.origin in RIVALS])}
    sides = [sum(t.parent in front for t in last) for front in fronts]
    assert sum(sides) == len(last) and min(sides) > 0
    shares = [side / len(front) for side, front in zip(sides, fronts, strict=True)]
    assert abs(shares[0] - shares[1]) < 1 / min(map(len, fronts))
    for trial in last:
        assert trial.parent is not None
        parent = whole[trial.parent]
        assert (trial.spec.model, trial.spec.regularizer) == (parent.spec.model, parent.spec.regularizer)
        assert trial.spec.recipe == replace(TUNED, epochs=EPOCHS, init="trial")
        assert (trial.origin, trial.label, trial.params) == (parent.origin, parent.label, parent.params)
        assert (trial.state, trial.decisions, len(trial.epochs)) == ("complete", (), EPOCHS)


def test_all_before_is_the_search_of_so_many_trials(tmp_path: Path, whole: tuple[TrialRecord, ...]) -> None:
    alone = outline(search(tmp_path / "run", trials=FIRST, finish=0.0))
    assert outline(whole)[: len(alone)] == alone


@pytest.mark.parametrize("back", [1, 12, 33])
def test_killed_it_resumes_to_the_same_run(
    tmp_path: Path, whole: tuple[TrialRecord, ...], moments: Clock, back: int
) -> None:
    """Each epoch is two moments, so that the trials that train on have the last 36."""
    clock = Clock(next(copy(moments.ticks)) - back)
    with pytest.raises(Killed), session(tmp_path / "run", Continues(clock)) as cut:
        cut.run()
    assert [t.continues for t in read_run(tmp_path / "run").trials if t.state == "running"] == [True]
    assert outline(search(tmp_path / "run")) == outline(whole)


def test_what_may_train_on_keeps_its_weights(tmp_path: Path) -> None:
    """The search's own front too where hand-picked models are better, until it has trained on."""

    def kept(path: Path) -> set[int]:
        return {int(file.parent.name) for file in (path / "trials").glob("*/weights.safetensors")}

    with session(tmp_path / "run", ThinnerWins()) as made:
        director = made.director
        while director.history.trained < FIRST or director.history.running():
            job = director.next_job()
            assert job is not None
            finish_with(director, job, ThinnerWins())
        trials = tuple(director.history)
        picked = {t.number for t in trials if t.origin in HAND_PICKED}
        front = {t.number for t in front_of(trials)}
        assert kept(made.path) == picked | front | own_front(trials)
    assert own_front(trials) - front, "else this says nothing"
    again = search(tmp_path / "run", ThinnerWins())
    gone_on = {t.parent for t in again if t.continues}
    picked |= {t.number for t in again if t.origin in HAND_PICKED}
    front = {t.number for t in front_of(again)}
    assert kept(tmp_path / "run") == picked | front | (own_front(again) - gone_on)
    plain = search(tmp_path / "plain", ThinnerWins(), trials=FIRST, finish=0.0)
    assert kept(tmp_path / "plain") == {t.number for t in front_of(plain)} | {
        t.number for t in plain if t.origin in HAND_PICKED
    }


def test_a_longer_run_trains_on_at_its_new_end(tmp_path: Path, whole: tuple[TrialRecord, ...]) -> None:
    search(tmp_path / "run")
    longer = search(tmp_path / "run", trials=60)
    assert outline(longer)[: len(whole)] == outline(whole)
    new = trained(longer)[TRIALS:]
    at = [place for place, t in enumerate(new) if t.continues]
    assert len(new) == 24 and at[:1] == [18], "45 of 60 are others, of which 27 are there"
    parents = [t.parent for t in longer if t.continues]
    assert len(set(parents)) == len(parents)
    others = [t for t in longer if not t.continues]
    assert all(t.parent is None or t.number > t.parent for t in others)
    assert {longer[t.parent].continues for t in others[-20:] if t.parent is not None} >= {True}


def test_it_can_be_turned_on_later(tmp_path: Path) -> None:
    """Then those of the search's own front have lost their weights that hand-picked models had beaten."""
    first = search(tmp_path / "run", ThinnerWins(), trials=FIRST, finish=0.0)
    later = search(tmp_path / "run", ThinnerWins())
    assert outline(later)[: len(first)] == outline(first)
    assert later[len(first)].continues and len(trained(later)) == TRIALS
    parents = {t.parent for t in later[len(first) :] if t.continues and t.parent is not None}
    gone = own_front(first) - {t.number for t in front_of(first)}
    assert gone and not parents & gone


def test_several_jobs_train_on_different_models(tmp_path: Path) -> None:
    with session(tmp_path / "run") as made:
        director, live = made.director, list[Job]()
        while True:
            job = director.next_job()
            if job is not None:
                live.append(job)
            if not live:
                break
            if job is None or len(live) == 4:
                finish_with(director, live.pop(0))
    trials = read_run(tmp_path / "run").trials
    last = [t for t in trials if t.continues]
    assert len(last) == len({t.parent for t in last}) == TRIALS - FIRST
    assert all(t.state == "complete" for t in last)


def finish_with(director: object, job: Job, objective: Trains | None = None) -> None:
    metrics = (objective or Continues())(job, lambda epoch, metrics: True)
    director.on_complete(job.number, metrics)  # type: ignore[attr-defined]


FROM_SCRATCH: dict[str, object] = {"trials": 24, "finish": 0.25, "finish_epochs": EPOCHS, "recipe": SCRATCH}


def test_from_scratch_models_train_on_too(tmp_path: Path) -> None:
    with session_from_scratch(tmp_path / "run", Continues(), **FROM_SCRATCH) as made:
        assert made.run() is None
    trials = read_run(tmp_path / "run").trials
    last = [t for t in trials if t.continues]
    assert len(last) == 6 and trained(trials)[18:] == last
    recipe = replace(SCRATCH, epochs=EPOCHS, lr=0.02, warmup=0.1, init="trial")
    assert all(t.spec.recipe == recipe for t in last)


def test_what_failed_to_train_on_is_not_tried_again(tmp_path: Path, whole: tuple[TrialRecord, ...]) -> None:
    number = next(t.number for t in whole if t.continues)
    broken = Continues(fails=number)
    trials = search(tmp_path / "run", broken)
    assert trials[number].state == "failed"
    parents = [t.parent for t in trials if t.continues]
    assert len(set(parents)) == len(parents) == TRIALS - FIRST


def test_the_sampler_learns_nothing_from_it(tmp_path: Path) -> None:
    with session(tmp_path / "run") as made:
        assert made.run() is None
        shown = made.director._proposer._view.study.get_trials(deepcopy=False)
    trials = read_run(tmp_path / "run").trials
    sampled = [t for t in trials if t.origin == "sampler" and not t.continues]
    best = max(t.accuracy or 0.0 for t in trials if not t.continues)
    assert max(t.accuracy or 0.0 for t in trials) > best
    assert max(t.values[0] for t in shown if t.values) <= best
    assert len(shown) >= len(sampled)


def test_outlines_differ(whole: tuple[TrialRecord, ...]) -> None:
    """What these tests compare tells a trained on model from the first of it."""
    made: Outline = outline(whole)
    assert len(set(map(repr, made))) == len(made)

"""What a search asks of its trials."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from lcsearch.core.records import EpochRecord, Origin, RungRecord, TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.search import history
from lcsearch.search.history import History
from lcsearch.search.stopping import Ended

SCRATCH, TUNED = Recipe(epochs=2), Recipe(epochs=2, init="backbone")


def trial(
    number: int, params: int, *curve: float, origin: Origin = "sampler", recipe: Recipe = SCRATCH
) -> TrialRecord:
    """A complete trial; no two of different numbers train the same model."""
    spec = TrialSpec(ModelSpec("base", 10, 1, 1 + number / 1000), recipe=recipe)
    epochs = tuple(EpochRecord(epoch, accuracy, 1.0, 1.0, 1.0) for epoch, accuracy in enumerate(curve, 1))
    return TrialRecord(number, "complete", origin, "", spec, params, 0, (), curve[-1], epochs=epochs)


def running(number: int, params: int = 100, parent: int | None = None, **more: object) -> TrialRecord:
    made = trial(number, params, 0.0, **more)  # type: ignore[arg-type]
    return replace(made, state="running", accuracy=None, epochs=(), parent=parent)


def test_trials_are_counted_once_they_are_trained() -> None:
    found = History([running(0)])
    found.update(trial(0, 100, 90.0))
    found.update(replace(running(1), state="rejected"))
    found.update(replace(trial(2, 100, 90.0), duplicate_of=0))
    assert (len(found), found.next_number, found.trained) == (3, 3, 1)
    assert [t.number for t in found] == [0, 1, 2]
    assert found.fruitless == 2
    found.update(running(3))
    assert (found.trained, found.fruitless) == (2, 0)
    assert [t.number for t in found.running()] == [3]


def test_the_original_of_a_model_is_the_first_that_was_trained() -> None:
    first = trial(0, 100, 90.0)
    again = replace(trial(1, 100, 90.0), spec=first.spec, duplicate_of=0)
    found = History([again, first])
    assert found.original_of(first.spec) == first
    assert found.original_of(trial(2, 100, 90.0).spec) is None
    other_way = replace(first.spec, recipe=TUNED)
    assert found.original_of(other_way) is None
    found.update(replace(trial(3, 100, 90.0), state="rejected"))
    assert found.original_of(found[3].spec) is None


def test_the_baseline_is_found_in_whatever_state() -> None:
    assert History().baseline is None
    found = History([running(0, origin="baseline"), trial(1, 100, 90.0)])
    assert found.baseline is not None and found.baseline.state == "running"


def test_weights_are_kept_of_the_front_the_hand_picked_and_parents_in_use() -> None:
    found = History([
        trial(0, 400, 92.0, origin="baseline"), trial(1, 300, 80.0, origin="uniform"),
        trial(2, 200, 91.0, recipe=TUNED), trial(3, 200, 90.0, recipe=TUNED), trial(4, 300, 85.0),
    ])  # fmt: skip
    assert [t.number for t in found.front()] == [2, 0]
    assert found.keepers() == {0, 1, 2}
    found.update(running(5, parent=3))
    assert found.keepers() == {0, 1, 2, 3}
    found.update(replace(found[5], state="failed"))
    assert found.keepers() == {0, 1, 2}


def parent_of(found: History, record: TrialRecord) -> int | None:
    return found.parent_of(record.spec, record.params)


def test_a_model_is_cut_out_of_the_smallest_larger_one_on_the_front_that_was_fine_tuned() -> None:
    found = History([
        trial(0, 400, 93.0, origin="baseline"), trial(1, 300, 92.0, recipe=TUNED),
        trial(2, 250, 91.5), trial(3, 200, 91.0, recipe=TUNED),
    ])  # fmt: skip
    sizes = {350: None, 300: 1, 201: 1, 200: 3, 10: 3}
    assert {size: parent_of(found, running(4, size, recipe=TUNED)) for size in sizes} == sizes
    assert parent_of(found, running(4, 200)) is None


def thinned(made: TrialRecord, **channels: float) -> TrialRecord:
    return replace(made, spec=replace(made.spec, model=replace(made.spec.model, channels=channels)))


def test_what_a_model_is_cut_out_of_keeps_at_least_its_channels_in_every_group() -> None:
    found = History([
        trial(0, 400, 93.0, origin="baseline"), trial(1, 300, 92.0, recipe=TUNED),
        thinned(trial(2, 250, 91.5, recipe=TUNED), a=0.5),
        thinned(trial(3, 200, 91.0, recipe=TUNED), a=0.25, b=0.5),
    ])  # fmt: skip
    wanted = {
        1: [{}, {"b": 0.5}, {"a": 0.75}, {"a": 0.75, "b": 0.25}],
        2: [{"a": 0.5}, {"a": 0.25}, {"a": 0.5, "b": 0.5}, {"a": 0.25, "b": 0.75}],
        3: [{"a": 0.25, "b": 0.5}, {"a": 0.1, "b": 0.5, "c": 0.5}],
    }
    for parent, children in wanted.items():
        for channels in children:
            assert parent_of(found, thinned(running(4, 100, recipe=TUNED), **channels)) == parent, channels


def dominated(one: RungRecord, others: list[RungRecord]) -> bool:
    """By definition: another is no larger and no worse, and better in one; of equals the first stays."""
    return any(
        o.params <= one.params
        and o.accuracy >= one.accuracy
        and ((o.params, o.accuracy) != (one.params, one.accuracy) or o.number < one.number)
        for o in others
        if o is not one
    )


@pytest.mark.parametrize("seed", range(5))
def test_at_a_rung_the_latest_and_the_front_of_the_earlier_are_seen(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order they became known, and only those that started the same way."""
    monkeypatch.setattr(history, "LATEST", 10)
    rng = random.Random(seed)
    rungs = [RungRecord(n, rng.randrange(1, 12), float(rng.randrange(60, 70))) for n in range(60)]
    early, late = rungs[:-10], rungs[-10:]
    expected = {r.number for r in early if not dominated(r, early)} | {r.number for r in late}
    trials = [trial(r.number, r.params, r.accuracy) for r in rungs]
    for order in (trials, trials[::-1], rng.sample(trials, len(trials))):
        found = History([trial(60, 1, 99.0, recipe=TUNED)])
        for one in order:
            found.update(one)
        seen = [record.number for record in found.reached(1, "scratch")]
        assert len(seen) == len(set(seen)) and set(seen) == expected
        assert [record.number for record in found.reached(1, "backbone")] == [60]
        assert list(found.reached(2, "scratch")) == []


def test_each_epoch_of_a_trial_that_runs_is_seen_once() -> None:
    whole = trial(0, 100, 70.0, 80.0)
    found = History([running(0)])
    for epochs in (1, 2):
        found.update(replace(running(0), epochs=whole.epochs[:epochs]))
    found.update(whole)
    assert found.curves("scratch") == [(70.0, 80.0)]
    found.update(replace(whole, worker="elsewhere"))
    for epoch, accuracy in ((1, 70.0), (2, 80.0)):
        assert list(found.reached(epoch, "scratch")) == [RungRecord(0, 100, accuracy)]
    assert found.curves("scratch") == [(70.0, 80.0)]
    assert [t.number for t in found.front()] == [0]


def test_predictions_see_the_latest_whole_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LATEST", 3)
    found = History([replace(trial(5, 100, 10.0, 20.0), state="pruned", accuracy=None)])
    for number in (4, 0, 3, 1, 2):
        found.update(trial(number, 100 + number, 50.0 - number, 90.0))
    assert found.curves("scratch") == [(48.0, 90.0), (47.0, 90.0), (46.0, 90.0)]
    assert found.curves("backbone") == []


def test_trials_that_have_ended_are_known_once_by_how_they_started() -> None:
    """Complete or stopped; what is running or was rejected has not ended."""
    found = History([running(3), replace(running(4), state="rejected"), trial(5, 70, 50.0, recipe=TUNED)])
    stopped = replace(trial(2, 80, 20.0, 40.0), state="pruned")
    first = trial(0, 100, 90.0, 91.0, origin="baseline")
    for one in (stopped, first, stopped, first):
        found.update(one)
    assert found.ended("scratch") == (
        Ended(0, 100, (90.0, 91.0), complete=True, hand_picked=True),
        Ended(2, 80, (20.0, 40.0), complete=False, hand_picked=False),
    )
    found.update(trial(3, 60, 30.0))
    assert [one.number for one in found.ended("scratch")] == [0, 2, 3]
    assert found.ended("backbone") == (Ended(5, 70, (50.0,), complete=True, hand_picked=False),)

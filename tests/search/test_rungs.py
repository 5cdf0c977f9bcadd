"""Early stopping over records of trials that started in different ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lcsearch.core.records import HAND_PICKED, Decision, EpochRecord, Origin, RungRecord, State, TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.search.history import History
from lcsearch.search.rungs import Rungs, rung_epochs
from lcsearch.search.stopping import Arrival, Ended, find

SCRATCH, TUNED = Recipe(epochs=3), Recipe(epochs=2, init="backbone")
RUNGS = Rungs(1000, find("pareto"), factor=3)


def trial(
    number: int,
    params: int,
    recipe: Recipe,
    *curve: float,
    origin: Origin = "sampler",
    state: State = "complete",
) -> TrialRecord:
    epochs = tuple(EpochRecord(i, accuracy, 1.0, 1.0, 1.0) for i, accuracy in enumerate(curve, 1))
    model = ModelSpec("base", 10, 1, 1.0 if origin != "thinner" else 0.5)
    final = curve[-1] if state == "complete" else None
    return TrialRecord(
        number, state, origin, "", TrialSpec(model, recipe=recipe), params, params, (), final, epochs=epochs
    )


BASELINE = trial(0, 1000, SCRATCH, 60.0, 80.0, 92.0, origin="baseline")
SMALL_AND_GOOD = trial(1, 100, SCRATCH, 99.0, 99.0, 99.0, origin="given")


def test_models_that_were_cut_out_are_compared_among_themselves() -> None:
    """The small net from scratch is no larger and far better, and would stop it."""
    cut = trial(3, 300, TUNED, 85.0, state="running")
    other = trial(2, 400, TUNED, 86.0, 87.0)
    decision = RUNGS.decide(cut, History([BASELINE, SMALL_AND_GOOD, other, cut]))
    assert decision is not None and decision.go_on
    assert decision.saw == (2,)
    alike = trial(3, 300, replace(SCRATCH, epochs=2), 85.0, state="running")
    decision = RUNGS.decide(alike, History([BASELINE, SMALL_AND_GOOD, other, alike]))
    assert decision is not None and not decision.go_on
    assert decision.saw == (0, 1)


@pytest.mark.parametrize(("accuracy", "goes_on"), [(82.5, True), (81.5, False)])
def test_what_is_cut_out_is_measured_by_the_baselines_end(accuracy: float, goes_on: bool) -> None:
    """Ten points below 92, where the backbone ended; after its first epoch it had 60."""
    cut = trial(1, 300, TUNED, accuracy, state="running")
    decision = RUNGS.decide(cut, History([BASELINE, cut]))
    assert decision is not None and decision.go_on is goes_on


def test_a_fine_tuned_baseline_is_compared_epoch_by_epoch() -> None:
    baseline = trial(0, 1000, TUNED, 70.0, 92.0, origin="baseline")
    cut = trial(1, 300, TUNED, 65.0, state="running")
    decision = RUNGS.decide(cut, History([baseline, cut]))
    assert decision is not None and decision.go_on


@pytest.mark.parametrize(("epochs", "goes_on"), [(3, False), (4, True)])
def test_a_longer_training_is_not_measured_by_the_baselines_first_epoch(epochs: int, goes_on: bool) -> None:
    """It warms up for longer, and is 11 points behind after the first."""
    small = trial(1, 10, replace(SCRATCH, epochs=epochs), 49.0, state="running")
    decision = RUNGS.decide(small, History([BASELINE, small]))
    assert decision is not None and decision.go_on is goes_on


def test_a_stopped_trial_is_predicted_from_those_that_started_alike() -> None:
    """One finished curve that started alike gains 2 points from the first epoch to its end."""
    cut = trial(3, 300, TUNED, 80.0, state="running")
    history = History([BASELINE, SMALL_AND_GOOD, trial(2, 400, TUNED, 80.0, 82.0), cut])
    assert RUNGS.predict(cut, history).accuracy == pytest.approx(82.0)


@pytest.mark.parametrize(
    ("epochs", "factor", "expected"),
    [
        (1, 3, ()),
        (2, 3, (1,)),
        (4, 3, (1, 3)),
        (9, 3, (1, 3)),
        (10, 3, (1, 3, 9)),
        (9, 2, (1, 2, 4, 8)),
        (0, 3, ()),
    ],
)
def test_rungs_lie_below_the_end(epochs: int, factor: int, expected: tuple[int, ...]) -> None:
    assert rung_epochs(epochs, factor) == expected


def test_rungs_grow() -> None:
    with pytest.raises(ValueError, match="factor=1 is below 2"):
        rung_epochs(9, 1)


def never(arrival: Arrival) -> tuple[bool, str]:
    return False, "nothing goes on"


@pytest.mark.parametrize("origin", ["sampler", "given", "sensitivity", *HAND_PICKED])
def test_no_rule_stops_hand_picked_trials(origin: Origin) -> None:
    one = trial(1, 300, SCRATCH, 50.0, origin=origin, state="running")
    decision = Rungs(1000, never, 3).decide(one, History([one]))
    assert decision is not None and decision.go_on is (origin in HAND_PICKED)
    words = "hand-picked trials always go on" if origin in HAND_PICKED else "nothing goes on"
    assert decision.rule == words


@pytest.mark.parametrize("origin", ["sampler", "thinner"])
def test_nothing_is_decided_of_a_model_that_trains_on(origin: Origin) -> None:
    """Nor do others hear of it: it is ahead of all that start otherwise."""
    first = trial(1, 300, SCRATCH, 50.0, 60.0, 61.0, origin=origin)
    on = replace(trial(2, 300, replace(SCRATCH, init="trial"), 70.0, origin=origin), parent=1)
    running = replace(on, state="running", accuracy=None)
    assert Rungs(1000, never, 3).decide(running, History([first, running])) is None
    asked = list[Arrival]()
    other = trial(3, 900, SCRATCH, 55.0, state="running")
    Rungs(1000, lambda arrival: asked.append(arrival), 3).decide(other, History([first, on, other]))  # type: ignore[func-returns-value]
    (seen,) = asked
    assert [one.number for one in seen.others] == [one.number for one in seen.ended] == [1]
    assert [(one.number, one.accuracy) for one in seen.front] == [(2, 70.0)]


def test_what_a_rule_says_is_recorded_with_those_that_it_saw() -> None:
    asked = list[Arrival]()

    def keep(arrival: Arrival) -> tuple[bool, str]:
        asked.append(arrival)
        return True, "kept"

    one = trial(2, 300, SCRATCH, 50.0, state="running")
    decision = Rungs(500, keep, 2).decide(one, History([one, SMALL_AND_GOOD, BASELINE]))
    assert decision == Decision(1, True, "kept", (0, 1))
    seen = Arrival(
        RungRecord(2, 300, 50.0),
        (RungRecord(0, 1000, 60.0), RungRecord(1, 100, 99.0)),
        *(60.0, 500, 2),
        curve=(50.0,),
        left=2,
        ended=(
            Ended(0, 1000, (60.0, 80.0, 92.0), True, True),
            Ended(1, 100, (99.0, 99.0, 99.0), True, False),
        ),
        front=(RungRecord(1, 100, 99.0),),
    )
    assert asked == [seen]
    Rungs(36, keep, 2, "macro F1").decide(one, History([one, SMALL_AND_GOOD, BASELINE]))
    assert asked[1] == replace(seen, images=36, metric="macro F1")


def test_a_rule_sees_what_ended_and_started_alike_and_the_whole_front() -> None:
    asked = list[Arrival]()

    def keep(arrival: Arrival) -> None:
        asked.append(arrival)

    cut = trial(5, 300, TUNED, 85.0, state="running")
    stopped = trial(2, 400, TUNED, 70.0, state="pruned")
    other = trial(3, 500, TUNED, 86.0, 87.0)
    going = trial(4, 600, TUNED, 88.0, state="running")
    Rungs(1000, keep, 3).decide(cut, History([BASELINE, SMALL_AND_GOOD, stopped, other, going, cut]))
    assert asked[0].ended == (
        Ended(2, 400, (70.0,), False, False),
        Ended(3, 500, (86.0, 87.0), True, False),
    )
    assert asked[0].front == (RungRecord(1, 100, 99.0),)
    assert (asked[0].curve, asked[0].left) == ((85.0,), 1)


def test_nothing_is_recorded_between_rungs_and_where_no_rule_speaks() -> None:
    at_a_rung = trial(1, 300, SCRATCH, 50.0, state="running")
    between = trial(1, 300, SCRATCH, 50.0, 51.0, state="running")
    assert Rungs(1000, never, 3).decide(between, History([BASELINE, between])) is None
    assert Rungs(1000, find("none"), 3).decide(at_a_rung, History([BASELINE, at_a_rung])) is None

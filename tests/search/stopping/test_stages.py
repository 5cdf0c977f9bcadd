"""Early stopping over records of trials that started in different ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lcsearch.core.records import EpochRecord, Origin, State, TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.search.history import History
from lcsearch.search.stopping.rules import StoppingSettings
from lcsearch.search.stopping.stages import Stages

SCRATCH, TUNED = Recipe(epochs=3), Recipe(epochs=2, init="backbone")
STAGES = Stages(1000, StoppingSettings())


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
    decision = STAGES.decide(cut, History([BASELINE, SMALL_AND_GOOD, other, cut]))
    assert decision is not None and decision.go_on
    assert decision.saw == (2,)
    alike = trial(3, 300, replace(SCRATCH, epochs=2), 85.0, state="running")
    decision = STAGES.decide(alike, History([BASELINE, SMALL_AND_GOOD, other, alike]))
    assert decision is not None and not decision.go_on
    assert decision.saw == (0, 1)


@pytest.mark.parametrize(("accuracy", "goes_on"), [(82.5, True), (81.5, False)])
def test_what_is_cut_out_is_measured_by_the_baselines_end(accuracy: float, goes_on: bool) -> None:
    """Ten points below 92, where the backbone ended; after its first epoch it had 60."""
    cut = trial(1, 300, TUNED, accuracy, state="running")
    decision = STAGES.decide(cut, History([BASELINE, cut]))
    assert decision is not None and decision.go_on is goes_on


def test_a_fine_tuned_baseline_is_compared_epoch_by_epoch() -> None:
    baseline = trial(0, 1000, TUNED, 70.0, 92.0, origin="baseline")
    cut = trial(1, 300, TUNED, 65.0, state="running")
    decision = STAGES.decide(cut, History([baseline, cut]))
    assert decision is not None and decision.go_on


def test_a_stopped_trial_is_predicted_from_those_that_started_alike() -> None:
    """One finished curve that started alike gains 2 points from the first epoch to its end."""
    cut = trial(3, 300, TUNED, 80.0, state="running")
    history = History([BASELINE, SMALL_AND_GOOD, trial(2, 400, TUNED, 80.0, 82.0), cut])
    assert STAGES.predict(cut, history) == pytest.approx(82.0)

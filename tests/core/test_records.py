"""Counts of layers as plain data, and what of a run is looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hand_made import make_run, make_trial

from lcsearch.core.records import ACCURACY_BEFORE, LayerCount, trainable_of
from lcsearch.core.screened import Screened

SHARED = {"name": "a.b", "family": "linear", "params": 7, "macs": 70}


@pytest.mark.parametrize(
    ("count", "plain"),
    [
        (LayerCount("a.b", "linear", 7, 70), SHARED),
        (
            LayerCount("a.b", "linear", 7, 70, {"alpha": 0.5, "rank": None}),
            SHARED | {"alpha": 0.5, "rank": None},
        ),
        (LayerCount("a.b", "linear", 7, 70, {"alpha": 1}, 5), SHARED | {"trainable": 5, "alpha": 1}),
        (LayerCount("a.b", "linear", 7, 70, {}, 0), SHARED | {"trainable": 0}),
        (LayerCount("a.b", "linear", 7, 70, {}, None, 32), SHARED | {"outputs": 32}),
        (LayerCount("a.b", "linear", 7, 70, {"numbers": 3}), SHARED | {"numbers": 3}),
    ],
)
def test_a_count_goes_through_plain_data(count: LayerCount, plain: dict[str, Any]) -> None:
    assert count.to_plain() == plain and LayerCount.from_plain(plain) == count


@pytest.mark.parametrize("missing", SHARED)
def test_a_count_without_a_number_is_none(missing: str) -> None:
    with pytest.raises(TypeError, match=missing):
        LayerCount.from_plain({key: value for key, value in SHARED.items() if key != missing})


def test_the_baseline_is_the_complete_one() -> None:
    running = make_trial(0, origin="baseline", state="running")
    found = make_trial(3, 91.0, origin="baseline")
    assert make_run(running, make_trial(1, 90.0)).baseline is None
    assert make_run(running, make_trial(1, 90.0), found).baseline is found


def test_complete_trials_were_trained_to_their_end() -> None:
    trials = [
        make_trial(0, 90.0), make_trial(1, state="pruned"), make_trial(2, 90.0, duplicate_of=0),
        make_trial(3, state="failed"), make_trial(4, 80.0),
    ]  # fmt: skip
    assert [trial.number for trial in make_run(*trials).complete] == [0, 4]


def test_the_accuracy_before_fine_tuning() -> None:
    assert make_trial(1, 90.0, metrics={ACCURACY_BEFORE: 40.5}).accuracy_before == 40.5
    assert make_trial(1, 90.0).accuracy_before is None


def test_what_is_stored_but_does_not_train_is_taken_off() -> None:
    rows = [LayerCount("a", "conv", 50, 1), LayerCount("b", "basis", 30, 1, {}, 20),
            LayerCount("c", "basis", 9, 1, {}, 0)]  # fmt: skip
    assert trainable_of(100, rows) == 100 - 10 - 9 and trainable_of(100, []) == 100


def test_screening_costs_a_third_of_an_epoch_for_each_image_of_training() -> None:
    screened = Screened(50.0, 4, images=900)
    assert screened.epochs(100) == 3.0
    trials = [replace(make_trial(0), screened=screened), make_trial(1)]
    run = replace(make_run(*trials), settings={"facts": {"train_images": 150}})
    assert [run.screened_for(trial) for trial in run.trials] == [2.0, 0.0] and run.screening_epochs == 2.0

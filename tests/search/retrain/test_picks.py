"""What is retrained, of made up trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.search.retrain.picks import picks

SPEC = TrialSpec(ModelSpec("base", 10, 1))


def trial(number: int, origin: Any, accuracy: float | None, params: int, **more: Any) -> TrialRecord:
    state = "complete" if accuracy is not None else "failed"
    return TrialRecord(number, more.pop("state", state), origin, "", SPEC, params, 0, (), accuracy, **more)


TRIALS = (
    trial(0, "baseline", 93.0, 1_000_000),
    trial(1, "uniform", 80.0, 500_000),
    trial(2, "uniform", 79.0, 130_000),
    trial(3, "uniform", 50.0, 40_000),
    trial(4, "thinner", 77.0, 61_000),
    trial(5, "thinner", 76.0, 170_000),
    trial(6, "sampler", 92.9, 300_000),
    trial(7, "sampler", 92.5, 100_000),
    trial(8, "sampler", 92.4, 50_000),
    trial(9, "sampler", 60.0, 10_000),
    trial(10, "sampler", None, 20_000),
    trial(11, "sampler", 92.5, 100_000, duplicate_of=7),
    trial(12, "sampler", 80.0, 400_000),
)
"""The front is 9, 8, 7, 6, 0; 7 is the smallest within half a point of the backbone."""


def picked(
    top: int | None = None, trials: Sequence[int] = (), record: Sequence[TrialRecord] = TRIALS
) -> list[int]:
    run = RunRecord(Path("runs/a"), {}, 5_000, tuple(record))
    return [one.number for one in picks(run, top, trials)]


def without(*numbers: int) -> list[TrialRecord]:
    return [one for one in TRIALS if one.number not in numbers]


def test_the_front_and_of_each_hand_picked_kind_the_nearest_in_size() -> None:
    """As ratios: 100k is nearer to 130k than to 40k, and nearer to 61k than to 170k."""
    assert picked() == [9, 8, 4, 7, 2, 6, 0]


def test_the_nearest_is_that_of_the_smallest_within_half_a_point() -> None:
    """Without 7 that is 6: 500k and 170k are nearest to its 300k. Here 93 is compared, not the best."""
    assert picked(record=without(7, 11)) == [9, 8, 5, 6, 1, 0]


def test_where_none_is_within_half_a_point_the_most_accurate_is_compared() -> None:
    assert picked(trials=(9, 12)) == [9, 5, 12, 1, 0]
    no_backbone = [one for one in TRIALS if one.origin != "baseline"]
    assert picked(record=no_backbone) == [9, 8, 7, 5, 6, 1]


def test_named_trials_take_the_place_of_the_front() -> None:
    assert picked(trials=(12,)) == [5, 12, 1, 0]
    assert picked(trials=(11,)) == picked(trials=(7,)) == [4, 7, 2, 0], "a duplicate means its original"
    assert picked(trials=(7, 7, 0)) == [4, 7, 2, 0]


def test_top_keeps_those_that_carry_most_of_the_front() -> None:
    """9 is too far below the backbone to count, which has no width; 7 is little more than 8, as is 6."""
    fronts = [[n for n in picked(top) if n in (6, 7, 8, 9)] for top in (5, 4, 3, 2, 1)]
    assert fronts == [[9, 8, 7, 6], [8, 7, 6], [8, 7, 6], [8, 6], [8]]
    assert all(0 in picked(top) for top in (1, 2, 3, 4, 5))
    assert picked(99) == picked()


def test_without_a_backbone_top_keeps_the_largest() -> None:
    no_backbone = [one for one in TRIALS if one.origin != "baseline"]
    assert [n for n in picked(2, record=no_backbone) if n > 5] == [7, 6]
    assert [n for n in picked(1, record=no_backbone) if n > 5] == [6]


def test_of_equal_sizes_the_first_number_comes_first() -> None:
    record = [trial(0, "baseline", 90.0, 100), trial(1, "uniform", 80.0, 100), trial(2, "sampler", 90.0, 100)]
    assert picked(trials=(2,), record=record) == [0, 1, 2]


def test_of_a_model_that_has_trained_on_the_better_is_compared() -> None:
    record = [*TRIALS, trial(13, "thinner", 77.1, 61_000, parent=4), trial(14, "uniform", 78.9, 130_000)]
    assert picked(record=record) == [9, 8, 13, 7, 2, 6, 0]


def test_without_hand_picked_ones_the_backbone_alone_is_beside() -> None:
    assert picked(record=without(1, 2, 3, 4, 5)) == [9, 8, 7, 6, 0]


@pytest.mark.parametrize(
    ("top", "trials", "record", "message"),
    [
        (1, (7,), TRIALS, "top: does not go with trial; give one of them"),
        (None, (), without(*range(10), 12), "runs/a: the run has no complete trial to retrain yet"),
        (None, (70,), TRIALS, "trial: there is no trial 70"),
    ],
)
def test_mistakes(
    top: int | None, trials: tuple[int, ...], record: Sequence[TrialRecord], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        picked(top, trials, record)
    assert str(caught.value).startswith(message)

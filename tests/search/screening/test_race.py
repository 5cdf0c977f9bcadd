"""Who is looked at how closely: answers are drawn, and everything is counted by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lcsearch.search.screening.race import race

IMAGES = 400


class Runner:
    """A candidate whose answers to all images are known."""

    def __init__(self, right: Sequence[int], most: float = 100.0) -> None:
        self.right, self.most, self.counts = np.array(right), most, list[int]()

    def accuracy(self, images: int) -> float:
        self.counts.append(images)
        return 100 * float(self.right[:images].mean())


def runner(share: float, seed: int = 0, most: float = 100.0) -> Runner:
    """So many right answers, in any order."""
    right = [1] * round(share * IMAGES) + [0] * round((1 - share) * IMAGES)
    return Runner(np.random.default_rng(seed).permutation(right).tolist(), most)


def itself(found: Sequence[float | None]) -> np.ndarray:
    """What a candidate promises is its accuracy; one from scratch promises 85."""
    return np.array([85.0 if accuracy is None else accuracy for accuracy in found])


def test_the_one_with_most_right_answers_wins_whatever_the_order() -> None:
    shares = [0.7, 0.9, 0.2, 0.88, 0.91, 0.5, 0.86]
    for seed in range(40):
        order = np.random.default_rng(seed).permutation(shares).tolist()
        found = race([runner(share, seed + place) for place, share in enumerate(order)], itself, IMAGES)
        assert int(np.argmax(itself(found))) == order.index(0.91)
        assert max(itself(found)) == pytest.approx(91.0)


def test_what_is_hopeless_is_looked_at_on_a_quarter_of_the_images() -> None:
    """At 40 of 100, twice the deviation is 8.5 points; at 85 it is 6.2, which reach 90."""
    best, near, far = runner(0.9), runner(0.85, 1), runner(0.4, 2)
    found = race([best, near, far], itself, IMAGES)
    assert best.counts == [100, 200, 400] and far.counts == [100]
    assert near.counts[:2] == [100, 200]
    assert found[0] == 90.0 and found[2] is not None and 40 < found[2] < 60


@pytest.mark.parametrize("seed", range(5))
def test_a_candidate_is_left_only_if_twice_the_deviation_leaves_it_behind(seed: int) -> None:
    first, second = runner(0.9, seed), runner(0.8, seed + 50)
    race([first, second], itself, IMAGES)
    for count in (100, 200):
        seen = second.right[:count].mean()
        off = math.sqrt((seen * count + 1) * (count - seen * count + 1)) / (count + 2)
        left = 100 * (seen + 2 * off * math.sqrt(1 / count - 1 / IMAGES)) < 90
        if left or count not in second.counts:
            assert left and second.counts[-1] <= count
            break


def test_what_can_reach_too_little_is_not_looked_at() -> None:
    low, scratch = runner(0.6, most=60.0), runner(0.95, most=84.0)
    assert race([runner(0.9), low], itself, IMAGES)[1] == 60.0
    assert race([None, scratch], itself, IMAGES) == [None, 84.0]
    assert low.counts == scratch.counts == []


def test_one_from_scratch_is_left_behind_by_a_better_one() -> None:
    found = race([None, runner(0.9), None], itself, IMAGES)
    assert found == [None, 90.0, None]


@pytest.mark.parametrize("images", [1, 2, 3, 7])
def test_few_images_are_enough(images: int) -> None:
    one, other = Runner([1] * images), Runner([0] * images)
    assert race([other, one], itself, images) == [0.0, 100.0]
    assert other.counts[-1] == one.counts[-1] == images


def test_nothing_is_found_of_no_candidate() -> None:
    assert race([], itself, IMAGES) == []

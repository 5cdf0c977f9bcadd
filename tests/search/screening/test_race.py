"""Who is looked at how closely: answers are drawn, and everything is counted by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lcsearch.search.screening.race import Known, counts_of, stand

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


def race(
    runners: Sequence[Runner | None], images: int = IMAGES, rng: np.random.Generator | None = None
) -> list[float | None]:
    """Look as workers do: one candidate after the other, or any of those that are wanted, in turns."""
    known = [Known(scratch=True) if one is None else Known(most=one.most) for one in runners]
    while wanted := stand(known, itself, images).wanted:
        place = wanted[0] if rng is None else int(rng.choice(wanted))
        one, own = runners[place], known[place]
        assert one is not None
        count = next(count for count in counts_of(images) if count > own.images)
        known[place] = replace(own, images=count, accuracy=one.accuracy(count))
    return list(stand(known, itself, images).accuracies)


def by_turns(runners: Sequence[Runner | None], images: int) -> list[float | None]:
    """The same race told as a story: each runner goes on until it is left behind or through."""
    found: list[float | None] = [None if one is None else one.most for one in runners]
    best = -math.inf
    for place, one in enumerate(runners):
        if one is None:
            best = max(best, 85.0)
        elif one.most >= best:
            for count in sorted({max(1, round(share * images)) for share in (0.25, 0.5, 1.0)}):
                seen = one.accuracy(count)
                share = (seen / 100 * count + 1) / (count + 2)
                off = 100 * math.sqrt(share * (1 - share) * (1 / count - 1 / images))
                found[place] = hoped = min(one.most, seen + 2 * off)
                if hoped < best:
                    break
            else:
                found[place], best = seen, max(best, seen)
    return found


@pytest.mark.parametrize("seed", range(60))
def test_alone_a_worker_sees_what_a_race_by_turns_sees(seed: int) -> None:
    """One candidate after the other: the same looks at the same images, and the same is left of each."""
    rng = np.random.default_rng(seed)
    images = int(rng.choice([1, 3, 10, 80, 400]))
    made = list[list[Runner | None]]()
    shares, most = rng.uniform(0.3, 1.0, 12), rng.uniform(60, 100, 12)
    scratch = rng.random(12) < 0.2
    for _ in range(2):
        draw = np.random.default_rng(seed)
        rights = [(draw.random(images) < share).astype(int).tolist() for share in shares]
        made.append([None if s else Runner(r, m) for r, m, s in zip(rights, most, scratch, strict=True)])
    assert race(made[0], images) == by_turns(made[1], images)
    counts = [[None if one is None else one.counts for one in own] for own in made]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("seed", range(20))
def test_several_workers_find_the_best_too(seed: int) -> None:
    """In whatever order they look, the one with most right answers is seen on all images and comes first."""
    rng = np.random.default_rng(seed)
    shares = rng.permutation([0.7, 0.9, 0.2, 0.88, 0.91, 0.5, 0.86]).tolist()
    runners = [runner(share, seed + place) for place, share in enumerate(shares)]
    found = race(runners, rng=rng)
    assert int(np.argmax(itself(found))) == shares.index(0.91)
    assert max(itself(found)) == pytest.approx(91.0)
    assert runners[shares.index(0.2)].counts in ([], [100], [100, 200], [100, 200, 400])
    assert sum(len(one.counts) for one in runners) < 3 * len(runners)


def test_the_one_with_most_right_answers_wins_whatever_the_order() -> None:
    shares = [0.7, 0.9, 0.2, 0.88, 0.91, 0.5, 0.86]
    for seed in range(40):
        order = np.random.default_rng(seed).permutation(shares).tolist()
        found = race([runner(share, seed + place) for place, share in enumerate(order)])
        assert int(np.argmax(itself(found))) == order.index(0.91)
        assert max(itself(found)) == pytest.approx(91.0)


def test_what_is_hopeless_is_looked_at_on_a_quarter_of_the_images() -> None:
    """At 40 of 100, twice the deviation is 8.5 points; at 85 it is 6.2, which reach 90."""
    best, near, far = runner(0.9), runner(0.85, 1), runner(0.4, 2)
    found = race([best, near, far])
    assert best.counts == [100, 200, 400] and far.counts == [100]
    assert near.counts[:2] == [100, 200]
    assert found[0] == 90.0 and found[2] is not None and 40 < found[2] < 60


@pytest.mark.parametrize("seed", range(5))
def test_a_candidate_is_left_only_if_twice_the_deviation_leaves_it_behind(seed: int) -> None:
    first, second = runner(0.9, seed), runner(0.8, seed + 50)
    race([first, second])
    for count in (100, 200):
        seen = second.right[:count].mean()
        off = math.sqrt((seen * count + 1) * (count - seen * count + 1)) / (count + 2)
        left = 100 * (seen + 2 * off * math.sqrt(1 / count - 1 / IMAGES)) < 90
        if left or count not in second.counts:
            assert left and second.counts[-1] <= count
            break


def test_what_can_reach_too_little_is_not_looked_at() -> None:
    low, scratch = runner(0.6, most=60.0), runner(0.95, most=84.0)
    assert race([runner(0.9), low])[1] == 60.0
    assert race([None, scratch]) == [None, 84.0]
    assert low.counts == scratch.counts == []


def test_one_from_scratch_is_left_behind_by_a_better_one() -> None:
    found = race([None, runner(0.9), None])
    assert found == [None, 90.0, None]


@pytest.mark.parametrize("images", [1, 2, 3, 7])
def test_few_images_are_enough(images: int) -> None:
    one, other = Runner([1] * images), Runner([0] * images)
    assert race([other, one], images) == [0.0, 100.0]
    assert other.counts[-1] == one.counts[-1] == images


def test_nothing_is_found_of_no_candidate() -> None:
    assert race([]) == []


def test_where_promises_change_who_was_left_behind_is_wanted_again() -> None:
    """Left behind a candidate that counted for more than it does now."""
    known = [Known(images=IMAGES, accuracy=90.0), Known(images=100, accuracy=60.0)]
    assert stand(known, itself, IMAGES).wanted == ()
    less = stand(known, lambda found: itself(found) - [30.0, 0.0], IMAGES)
    assert less.wanted == (1,) and less.accuracies[0] == 90.0

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from lcsearch.core.pareto import Box, box_of, contribution, front, hypervolume, knee, ranks

BOX = Box(accuracy_low=88.0, accuracy_high=94.0, params_low=1e4, params_high=1e6)

# A coarse grid makes ties and equal points common.
POINTS = st.lists(
    st.tuples(
        st.integers(170, 192).map(lambda a: a / 2),
        st.integers(7, 30).map(lambda p: float(round(10 ** (p / 5)))),
    ),
    max_size=24,
)


def dominates(one, other):
    return one[0] >= other[0] and one[1] <= other[1] and one != other


def brute_front(points):
    members = []
    for i, point in enumerate(points):
        if any(dominates(other, point) for other in points) or point in points[:i]:
            continue
        members.append(i)
    return sorted(members, key=lambda i: points[i][1])


def optuna_hypervolume(points, box):
    """Both axes minimised, clipped into the box, over the box's area."""
    if not points:
        return 0.0
    losses = np.array(
        [
            [
                -min(max(a, box.accuracy_low), box.accuracy_high),
                math.log(min(max(p, box.params_low), box.params_high)),
            ]
            for a, p in points
        ]
    )
    reference = np.array([-box.accuracy_low, math.log(box.params_high)])
    area = (box.accuracy_high - box.accuracy_low) * math.log(box.params_high / box.params_low)
    return float(compute_hypervolume(losses, reference)) / area


@given(POINTS)
def test_front_is_the_brute_force_front(points):
    assert front(points) == brute_front(points)


@given(POINTS)
def test_ranks_are_peeled_fronts(points):
    expected, rest, rank = [0] * len(points), set(range(len(points))), 0
    while rest:
        layer = {i for i in rest if not any(dominates(points[j], points[i]) for j in rest)}
        for i in layer:
            expected[i] = rank
        rest, rank = rest - layer, rank + 1
    assert ranks(points) == expected


@given(POINTS)
def test_hypervolume_agrees_with_optuna(points):
    assert hypervolume(points, BOX) == pytest.approx(optuna_hypervolume(points, BOX), abs=1e-12)


@given(POINTS)
def test_contribution_is_what_is_lost_without_the_point(points):
    whole = optuna_hypervolume(points, BOX)
    without = [optuna_hypervolume(points[:i] + points[i + 1 :], BOX) for i in range(len(points))]
    assert contribution(points, BOX) == pytest.approx([whole - w for w in without], abs=1e-12)


def test_hypervolume_agrees_with_darts():
    rng = np.random.default_rng(0)
    points = [(90.0, 3e4), (92.5, 2e5), (93.0, 9e5), (80.0, 1e4), (91.0, 2e5)]
    accuracy = rng.uniform(BOX.accuracy_low, BOX.accuracy_high, 200_000)
    params = np.exp(rng.uniform(math.log(BOX.params_low), math.log(BOX.params_high), 200_000))
    hit = np.zeros(200_000, dtype=bool)
    for a, p in points:
        hit |= (accuracy <= a) & (params >= p)
    assert hypervolume(points, BOX) == pytest.approx(hit.mean(), abs=4 * 0.5 / math.sqrt(200_000))


def test_hypervolume_by_hand():
    assert hypervolume([], BOX) == 0.0
    assert hypervolume([(94.0, 1e4)], BOX) == 1.0
    assert hypervolume([(99.0, 10.0)], BOX) == 1.0
    assert hypervolume([(91.0, 1e5)], BOX) == pytest.approx(0.25)
    assert hypervolume([(88.0, 1e5), (94.0, 1e6), (94.0, 2e6)], BOX) == 0.0


def test_rounding_makes_no_hypervolume_above_one():
    low, between, high = 1e4, 1_523_180.0, 2e6
    assert math.log(between / low) * 6 + math.log(high / between) * 6 > 6 * math.log(high / low)
    assert hypervolume([(94.0, low), (95.0, between)], Box(88.0, 94.0, low, high)) == 1.0


def test_a_flat_box_has_no_hypervolume():
    flat = Box(88.0, 94.0, 1e5, 1e5)
    assert hypervolume([(93.0, 1e5)], flat) == 0.0
    assert contribution([(93.0, 1e5)], flat) == [0.0]


def test_box_of_a_run():
    assert box_of(93.0, 1e6, 1e4) == Box(88.0, 94.0, 1e4, 1e6)
    assert box_of(93.0, 1e6, 2e6) == Box(88.0, 94.0, 1e6, 1e6)


def test_knee_is_the_corner():
    corner = [(90.0, 1e4), (92.9, 2e4), (93.0, 1e6), (91.0, 5e5)]
    assert knee(corner) == 1
    # A tiny useless model does not set the scale; one that is 5 points below the best does.
    assert knee([*corner, (10.0, 10.0)]) == 1
    assert knee([(88.0, 1e4), (92.0, 3e4), (92.9, 3e5), (93.0, 1e6)]) == 1
    assert knee([(87.9, 1e4), (92.0, 3e4), (92.9, 3e5), (93.0, 1e6)]) == 2
    # Above the line by 0.81 and by 0.74 of its height.
    assert knee([(88.0, 1e4), (92.5, 1.5e4), (92.9, 3e4), (93.0, 1e6)]) == 1


def test_knee_without_a_bend_is_the_more_accurate_end():
    assert knee([(93.0, 1e5)]) == 0
    assert knee([(92.0, 1e5), (93.0, 1e6)]) == 1
    assert knee([(91.0, 1e4), (92.0, 1e5), (93.0, 1e6)]) == 2


@given(POINTS.filter(bool))
def test_knee_is_on_the_front(points):
    assert knee(points) in front(points)


@pytest.mark.parametrize(
    "bad", [(math.nan, 1e5), (90.0, math.nan), (math.inf, 1e5), (90.0, 0.0), (90.0, -1.0)]
)
@pytest.mark.parametrize(
    "function", [front, ranks, knee, lambda p: hypervolume(p, BOX), lambda p: contribution(p, BOX)]
)
def test_bad_numbers_are_refused(function, bad):
    with pytest.raises(ValueError, match="point 1"):
        function([(90.0, 1e5), bad])


def test_nothing_to_look_at():
    assert front([]) == [] and ranks([]) == [] and contribution([], BOX) == []
    with pytest.raises(ValueError, match=r"^a knee needs at least one point$"):
        knee([])


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ((94.0, 88.0, 1e4, 1e6), "accuracy_low=94.0 > accuracy_high=88.0"),
        ((88.0, 94.0, 1e6, 1e4), "need 0 < params_low=1000000.0 <= params_high=10000.0"),
        ((88.0, 94.0, 0.0, 1e6), "need 0 < params_low=0.0 <= params_high=1000000.0"),
        ((math.nan, 94.0, 1e4, 1e6), "box (nan, 94.0, 10000.0, 1000000.0) has a side that is not finite"),
    ],
)
def test_a_box_that_is_none(sides, message):
    with pytest.raises(ValueError) as found:
        Box(*sides)
    assert str(found.value) == message


def test_the_smallest_numbers_that_are_taken():
    flat = Box(88.0, 88.0, 0.5, 1.0)
    assert hypervolume([(90.0, 0.5)], flat) == 0.0
    assert front([(90.0, 0.5)]) == [0]

"""How many trials fill a device, on devices whose throughput is known."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcsearch.core.pace import Pace
from lcsearch.engines._crowd import GAIN, Stretch, next_number, room_for, stretches, throughputs

SPEEDS = st.lists(st.floats(0.1, 1000), min_size=2, max_size=6)
CURVES = st.lists(st.floats(0.2, 5), min_size=1, max_size=4).map(
    lambda factors: {2**place: math.prod(factors[:place]) for place in range(len(factors) + 1)}
)
"""Throughput by number, over that of one trial."""


def seen(curve: dict[int, float], speeds: list[float]) -> list[Stretch]:
    """Every trial at every number: alone it makes so many steps a second."""
    return [
        Stretch(trial, number, speed * curve[number] / number)
        for number in curve
        for trial, speed in enumerate(speeds)
    ]


@settings(max_examples=25)
@given(CURVES, SPEEDS)
def test_the_throughput_of_a_device_is_found_whatever_its_trials_are(
    curve: dict[int, float], speeds: list[float]
) -> None:
    found = throughputs(seen(curve, speeds), max(curve))
    assert found == pytest.approx(curve, rel=1e-6)


@settings(max_examples=25)
@given(CURVES, SPEEDS, st.randoms(use_true_random=False))
def test_trials_that_saw_two_numbers_each_are_enough_and_their_order_does_not_matter(
    curve: dict[int, float], speeds: list[float], chance: random.Random
) -> None:
    """Trial k sees the k-th number and the next: from one to the next all are linked."""
    numbers = sorted(curve)
    whole = seen(curve, [speeds[place % len(speeds)] for place in range(len(numbers))])
    part = [one for one in whole if one.at_once in numbers[one.trial : one.trial + 2]]
    chance.shuffle(part)
    assert throughputs(part, numbers[-1]) == pytest.approx(curve, rel=1e-6)


def test_numbers_that_no_trial_links_are_not_compared() -> None:
    apart = [Stretch(0, 1, 5.0), Stretch(1, 2, 7.0), Stretch(1, 4, 6.0), Stretch(2, 4, 1.0)]
    assert throughputs(apart, 1) == {1: 1.0}
    assert throughputs(apart, 2) == pytest.approx({2: 1.0, 4: 4 / 2 * 6 / 7})
    assert throughputs(apart, 3) == {} == throughputs([], 1)


def test_one_stretch_that_was_disturbed_does_not_count() -> None:
    """Two trials go as fast together as alone; once something else ran."""
    calm = [Stretch(trial, number, 8.0) for trial in (0, 1) for number in (1, 2) for _ in range(3)]
    assert throughputs([*calm, Stretch(0, 2, 0.1)], 2) == pytest.approx({1: 1.0, 2: 2.0})


def test_who_made_steps_meanwhile_is_worked_out_from_when_they_did() -> None:
    """Trial 0 all the time; 1 from second 2 to 6; 2 from second 4.5 on."""
    zero = [(0, Pace(float(begin), begin + 2.0, 10)) for begin in (0, 2, 4, 6)]
    one = [(1, Pace(2.0, 6.0, 8))]
    two = [(2, Pace(4.5, 8.0, 7))]
    every = [*zero, *one, *two]
    assert stretches(zero, every) == [Stretch(0, 1, 5.0), Stretch(0, 2, 5.0), Stretch(0, 2, 5.0)]
    assert stretches(one, every) == []  # 2.4 trials in the mean: neither two nor three
    assert stretches(one, [*zero, *one]) == [Stretch(1, 2, 2.0)]


@given(st.integers(1, 64), CURVES, st.integers(1, 64))
def test_a_number_is_tried_only_within_what_there_may_be(
    now: int, curve: dict[int, float], most: int
) -> None:
    number = next_number(now, curve, most)
    assert number is None or 1 <= number <= most


@given(CURVES)
def test_it_ends_where_twice_as_many_do_not_pay(curve: dict[int, float]) -> None:
    """Trying one number after the other, each compared with those before."""
    now, most, tried = 1, max(curve), set[int]()
    while now not in tried:
        tried.add(now)
        now = next_number(now, {n: gain for n, gain in curve.items() if n in tried}, most) or now
    fewer, more = {2: 1, 4: 1, 8: 4, 16: 8}, {1: min(4, most), 2: 4, 4: 8, 8: 16}
    assert all(curve[n] >= GAIN * curve[fewer[n]] for n in tried if 1 < n <= now)
    assert now == most or curve[more[now]] < GAIN * curve[now]


def test_where_too_little_is_known_nothing_is_decided() -> None:
    assert next_number(1, {}, 4) is None and next_number(4, {4: 1.0}, 4) is None
    assert next_number(4, {1: 1.0, 2: 1.9}, 8) is None
    assert next_number(1, {1: 1.0}, 4) == 4 and next_number(1, {1: 1.0}, 1) == 1
    assert next_number(4, {}, 3) == 3  # memory says so, whatever is known


def test_where_four_cannot_be_compared_with_one_more_are_tried() -> None:
    assert next_number(2, {2: 1.0}, 8) == 4 and next_number(4, {4: 1.0}, 5) == 5
    assert next_number(8, {8: 1.0}, 16) is None


def test_so_many_are_compared_with_half_as_many_not_with_one_fewer() -> None:
    """That eight pay more than seven, as much as they should, would hardly show."""
    assert next_number(8, {7: 1.0, 8: 1.0}, 16) is None
    assert next_number(8, {4: 1.0, 7: 1.3, 8: 1.3}, 16) == 16
    assert next_number(8, {4: 1.0, 7: 1.1, 8: 1.04}, 16) == 4
    assert next_number(5, {3: 1.0, 5: 1.0}, 5) == 3  # half of five is three as well as two


def test_room_is_what_is_free_but_for_a_tenth() -> None:
    """100 in all, 10 stay free: of 40 that are free 30 hold three more of 10."""
    assert room_for(2, 40, 100, 10) == 5
    assert room_for(2, 19, 100, 10) == 2
    assert room_for(2, 5, 100, 10) == 1  # half a tenth is missing
    assert room_for(1, 0, 100, 10) == 1  # one must do
    assert room_for(1, 50, 100, 0) == 1  # nothing is known yet

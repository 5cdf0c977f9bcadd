"""What a layer is known to lose, between the sizes at which it was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcsearch.space.losses import LossCurve

MEASURED = [(1000, 0.02), (250, 0.5), (500, 0.1)]


@pytest.mark.parametrize(("params", "loss"), MEASURED)
def test_it_goes_through_what_was_measured(params: int, loss: float) -> None:
    assert LossCurve.through(MEASURED, 2000)(params) == pytest.approx(loss)


def test_between_two_sizes_both_logarithms_are_straight_lines() -> None:
    curve = LossCurve.through([(100, 0.9), (1600, 0.1)], 5000)
    assert curve(400) == pytest.approx((0.9 * 0.1) ** 0.5)
    assert curve(200) == pytest.approx(0.9 ** (3 / 4) * 0.1 ** (1 / 4))


def test_a_plain_layer_loses_nothing_and_the_smallest_measured_one_bounds_those_below() -> None:
    curve = LossCurve.through(MEASURED, 2000)
    assert curve(2000) < 1e-5
    assert curve(10) == pytest.approx(0.5)


def test_what_is_larger_and_loses_more_than_a_smaller_one_counts_as_losing_as_little() -> None:
    curve = LossCurve.through([(100, 0.3), (200, 0.8), (400, 0.01)], 1000)
    assert curve(200) == pytest.approx(0.3)


@given(
    st.lists(st.tuples(st.integers(1, 9999), st.floats(0, 20)), min_size=1, max_size=12),
    st.integers(1, 10_000),
    st.integers(1, 10_000),
)
def test_more_parameters_never_lose_more(measured: list[tuple[int, float]], one: int, two: int) -> None:
    curve = LossCurve.through(measured, 10_000)
    assert curve(max(one, two)) <= curve(min(one, two)) * (1 + 1e-9)
    assert curve(one) <= max(1e-6, *(loss for _, loss in measured)) * (1 + 1e-9)

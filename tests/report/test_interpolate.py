from __future__ import annotations

import pytest

from lcsearch.report.interpolate import Needed, curve_through
from lcsearch.report.points import Point


def points(*pairs: tuple[int, float]) -> list[Point]:
    return [Point(i, accuracy, params, 1) for i, (params, accuracy) in enumerate(pairs)]


@pytest.fixture
def curve():
    made = curve_through(points((100, 80.0), (10_000, 90.0), (1_000, 85.0), (5_000, 84.0)))
    assert made is not None
    return made


def test_dominated_points_are_no_part_of_the_curve(curve):
    assert curve.points == ((100.0, 80.0), (1000.0, 85.0), (10000.0, 90.0))


def test_accuracy_is_linear_in_log_params(curve):
    # Half way in accuracy is half way in the logarithm: the geometric mean of the sizes.
    assert curve.needed(82.5).params == pytest.approx((100 * 1000) ** 0.5)
    assert curve.accuracy((1000 * 10_000) ** 0.5) == pytest.approx(87.5)


def test_knots_are_exact(curve):
    assert [curve.needed(a) for a in (80.0, 85.0, 90.0)] == [
        Needed(100.0, False),
        Needed(1000.0, False),
        Needed(10000.0, False),
    ]
    assert [curve.accuracy(p) for p in (100, 1000, 10_000)] == [80.0, 85.0, 90.0]


def test_nothing_is_extrapolated(curve):
    assert curve.needed(90.1) is None
    assert curve.needed(70.0) == Needed(100.0, at_most=True)
    assert curve.accuracy(99) is None
    assert curve.accuracy(1e9) == 90.0


def test_one_point_and_none():
    single = curve_through(points((100, 80.0)))
    assert single is not None
    assert single.needed(80.0) == Needed(100.0, False)
    assert single.needed(80.1) is None
    assert curve_through([]) is None

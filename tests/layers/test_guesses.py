"""Values to try for a number, by hand."""

from __future__ import annotations

import pytest

from lcsearch.core.parameters import Number
from lcsearch.core.ranges import FloatRange, IntRange
from lcsearch.layers.guesses import Suits, between

REAL = Number("x", FloatRange(low=1.0, high=11.0))
WHOLE = Number("n", IntRange(low=1, high=11))


def test_an_interval_about_a_value() -> None:
    assert Suits.around(0.5, 0.25) == (0.5, 0.375, 0.625)


def test_wanted_values_then_what_suits_all_then_the_ends() -> None:
    wanted = [Suits(3.0, 2.0, 7.0), Suits(4.0, 3.0, 5.0), Suits(3.0, 2.0, 7.0)]
    assert between(REAL, wanted) == pytest.approx([3.0, 4.0, 3.5, 4.5, 3.04, 4.96, 11.0, 1.0])


def test_nothing_wanted_gives_values_of_the_whole_range() -> None:
    assert between(REAL, []) == pytest.approx([6.0, 3.5, 8.5, 1.2, 10.8, 11.0, 1.0])


def test_values_outside_the_range_become_its_ends() -> None:
    assert between(REAL, [Suits(0.5, 0.0, 5.0)]) == pytest.approx([1.0, 3.0, 2.0, 4.0, 1.08, 4.92, 11.0])
    assert between(REAL, [Suits(20.0, 9.0, 30.0)]) == pytest.approx([11.0, 10.0, 9.5, 10.5, 9.04, 10.96, 1.0])


def test_whole_numbers() -> None:
    found = between(WHOLE, [Suits(4, 2.6, 7.4)])
    assert found == [4, 5, 6, 3, 7, 11, 1]
    assert all(type(value) is int for value in found)

"""Numbers of shared and unique filters, and for which layers each is asked: closed forms."""

from __future__ import annotations

import pytest

from lcsearch.core.parameters import Number
from lcsearch.core.ranges import Share
from lcsearch.layers.shape import ConvShape
from lcsearch.layers.shared_choice import (
    Chosen,
    Way,
    alike,
    most_unique,
    shared_filters,
    suits_shared,
    suits_unique,
    unique_filters,
)

BANKS, LAYERS = (("a", "c"), ("b", "d")), ("a", "b", "c", "d")
SHAPE = ConvShape(8, 16, (3, 3))
"""A filter has 72 numbers; with 16 unique ones it is any convolution."""


def way(shared: int, unique: int) -> Way:
    number = Number("n", Share(low=0.1, high=1.0))
    return Way(BANKS, LAYERS, (number,) * shared, (number,) * unique)


def test_numbers_are_of_each_bank_and_layer_or_of_all() -> None:
    own = Chosen("position", (0.25, 0.5), (0.1, 0.2, 0.3, 0.4))
    each, one = way(2, 4), way(1, 1)
    assert list(each.of_banks(own)) == [(("a", "c"), 0.25), (("b", "d"), 0.5)]
    assert each.of_layers(own) == {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
    both = Chosen("position", (0.25,), (0.1,))
    assert list(one.of_banks(both)) == [(("a", "c"), 0.25), (("b", "d"), 0.25)]
    assert one.of_layers(both) == dict.fromkeys(LAYERS, 0.1)
    with pytest.raises(ValueError, match=r"zip\(\)"):
        list(each.of_banks(own._replace(shared=(0.1,) * 3)))
    with pytest.raises(ValueError, match=r"zip\(\)"):
        each.of_layers(own._replace(unique=(0.1,) * 3))


def test_a_number_is_asked_for_these_banks_and_layers() -> None:
    assert [list(way(2, 4).banks_of(place)) for place in range(2)] == [[("a", "c")], [("b", "d")]]
    assert [list(way(2, 4).layers_of(place)) for place in range(4)] == [["a"], ["b"], ["c"], ["d"]]
    assert (way(1, 1).banks_of(0), way(1, 1).layers_of(0)) == (BANKS, LAYERS)


@pytest.mark.parametrize(("shape", "most"), [(SHAPE, 16), (ConvShape(1, 16, (3, 3)), 9)])
def test_more_unique_filters_than_outputs_or_numbers_are_of_no_use(shape: ConvShape, most: int) -> None:
    assert most_unique(shape) == most


@pytest.mark.parametrize(
    ("share", "filters"),
    [(0.0, 1), (1.4 / 72, 1), (1.5 / 72, 2), (2.4 / 72, 2), (0.5, 36), (1.0, 72), (1.2, 72)],
)
def test_a_bank_has_the_nearest_number_of_filters(share: float, filters: int) -> None:
    assert shared_filters(share, SHAPE) == filters


@pytest.mark.parametrize(
    ("share", "shared", "filters"),
    [
        (0.0, 1, 0),
        (0.45 / 16, 1, 0),
        (0.5 / 16, 1, 1),
        (0.5, 8, 8),
        (1.0, 8, 16),
        (1.0, 60, 12),
        (1.0, 72, 0),
    ],
)
def test_a_layer_has_the_nearest_number_that_there_is_room_for(
    share: float, shared: int, filters: int
) -> None:
    assert unique_filters(share, SHAPE, shared) == filters


@pytest.mark.parametrize("filters", [1, 2, 36, 71])
def test_shares_that_suit_are_those_that_give_so_many_shared_filters(filters: int) -> None:
    suits = suits_shared(filters, SHAPE)
    for step in range(1001):
        share = step / 1000
        assert (suits.low <= share < suits.high) == (shared_filters(share, SHAPE) == filters)
    assert shared_filters(suits.value, SHAPE) == filters


@pytest.mark.parametrize(("filters", "shared"), [(0, 8), (1, 8), (15, 8), (12, 60), (11, 60)])
def test_shares_that_suit_are_those_that_give_so_many_unique_filters(filters: int, shared: int) -> None:
    suits = suits_unique(filters, SHAPE, shared)
    for step in range(1000):
        share = step / 1000
        assert (suits.low <= share < suits.high) == (unique_filters(share, SHAPE, shared) == filters)
    assert unique_filters(suits.value, SHAPE, shared) == filters
    assert suits.high == 1.0 or filters + shared < 72


def test_layers_of_one_shape_share_whether_they_have_biases_or_not() -> None:
    shapes = {"a": SHAPE, "b": ConvShape(8, 32, (3, 3)), "c": ConvShape(8, 16, (3, 3), bias=False)}
    assert alike(["a", "b", "c"], shapes) == [["a", "c"], ["b"]]
    assert alike(["c", "b"], shapes) == [["c"], ["b"]]

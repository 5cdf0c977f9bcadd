"""What of basis layers is measured, the numbers that they are known by, and layers that are made of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.layers import lookup
from lcsearch.layers.basis_conv import BasisConv2d
from lcsearch.layers.closeness import Target
from lcsearch.layers.families.basis import FAMILY, BasisSpec
from lcsearch.layers.shape import ConvShape

SHAPE = ConvShape(64, 128, (3, 3), bias=False)
"""A bank has at most 128 filters, each of 576 numbers and mixed by 128."""


def test_ways_are_shares_of_the_most_filters() -> None:
    ways = FAMILY.ways(SHAPE)
    assert [(way.spec, way.params, way.label) for way in ways] == [
        (BasisSpec(count), count * (576 + 128), f"1/{128 // count} basis") for count in (64, 32, 16, 8, 4)
    ]
    assert [way.order for way in ways] == [(-1 / 2,), (-1 / 4,), (-1 / 8,), (-1 / 16,), (-1 / 32,)]
    assert [FAMILY.read_way(way.numbers, way.params) for way in ways] == ways
    assert [way.spec for way in lookup.ways(SHAPE, ["basis"])] == [way.spec for way in ways]


@pytest.mark.parametrize(
    ("shape", "filters"),
    [(ConvShape(8, 4, (3, 3)), [2, 1]), (ConvShape(1, 64, (3, 3)), [4, 2, 1]), (ConvShape(1, 1, (3, 3)), [])],
)
def test_only_ways_that_save_are_measured_and_none_twice(shape: ConvShape, filters: list[int]) -> None:
    assert [way.spec for way in FAMILY.ways(shape)] == [BasisSpec(count) for count in filters]


def test_a_bank_that_stores_as_much_as_the_plain_layer_is_none() -> None:
    """6 · (9 + 18) is 18 · 9."""
    assert FAMILY.canonical(ConvShape(1, 18, (3, 3)), BasisSpec(6)) is None


def test_a_surrogate_sees_the_share_and_where_banks_come_from() -> None:
    assert FAMILY.describe(SHAPE, BasisSpec(128)) == (0.0, 0.0, 0.0)
    assert FAMILY.describe(SHAPE, BasisSpec(32, bank_seed=0)) == (math.log(1 / 4), 0.0, 1.0)
    assert FAMILY.describe(SHAPE, BasisSpec(32, train_basis=True)) == (math.log(1 / 4), 1.0, 0.0)


def test_coordinates_tell_plain_layers_and_banks_apart() -> None:
    assert FAMILY.coordinates(None) == (7.0, 0.0, 0.0)
    assert FAMILY.coordinates(BasisSpec(32, bank_seed=0)) == (5.0, 0.0, 1.0)
    assert FAMILY.coordinates(BasisSpec(1, train_basis=True)) == (0.0, 1.0, 0.0)
    assert FAMILY.short(BasisSpec(32)) == "32"
    assert FAMILY.cells({}) == ("0 filters", "fitted")


@pytest.mark.parametrize(
    ("numbers", "spec"),
    [
        ({"filters": 3}, BasisSpec(3)),
        ({"filters": 200}, BasisSpec(128)),
        ({"filters": 3, "train_basis": True}, BasisSpec(3, train_basis=True)),
        ({"filters": 3, "train_basis": False, "bank_seed": 0}, BasisSpec(3, bank_seed=0)),
    ],
)
def test_what_is_chosen_for_all_layers_is_cut_to_what_one_can_have(
    numbers: dict[str, Any], spec: BasisSpec
) -> None:
    conv = nn.Conv2d(64, 128, 3, bias=False, device="meta")
    assert FAMILY.chosen(SHAPE, numbers) == FAMILY.chosen_for(conv, SHAPE, numbers) == spec


def test_an_energy_takes_as_many_filters_as_trained_ones_need() -> None:
    """Two filters that have nothing in common, of which one has 16 of 25 squares."""
    conv = nn.Conv2d(1, 4, 3, bias=False)
    with torch.no_grad():
        conv.weight.copy_((torch.tensor([3.0, 4.0, 0.0, 0.0])[:, None] * torch.eye(9)[:4]).view(4, 1, 3, 3))
    shape = ConvShape(1, 4, (3, 3), bias=False)
    counts = [FAMILY.chosen_for(conv, shape, {"energy": energy}).filters for energy in (0.6, 0.7, 1.0)]
    assert counts == [1, 2, 2]
    with pytest.raises(ValueError, match=r"^energy=0\.5 needs a convolution with weights$"):
        FAMILY.chosen_for(conv.to("meta"), shape, {"energy": 0.5})


def test_a_bank_that_trains_has_no_seed() -> None:
    with pytest.raises(ValueError, match=r"^train_basis=True and bank_seed=3 exclude each other$"):
        BasisSpec(2, True, 3)


@pytest.mark.parametrize(
    "spec", [BasisSpec(3), BasisSpec(2, train_basis=True), BasisSpec(4, bank_seed=5)], ids=FAMILY.words
)
def test_a_layer_is_made_as_its_convolution_is(spec: BasisSpec) -> None:
    layer = FAMILY.fresh(nn.Conv2d(3, 6, 3, stride=2, padding=1).double(), spec)
    assert isinstance(layer, BasisConv2d) and FAMILY.spec_of(layer) == spec
    assert layer(torch.randn(1, 3, 9, 9, dtype=torch.float64)).shape == (1, 6, 5, 5)


def test_a_bank_of_the_most_filters_makes_trained_ones_exactly() -> None:
    torch.manual_seed(0)
    conv, x = nn.Conv2d(2, 5, 3, bias=False), torch.randn(1, 2, 8, 8)
    layer = FAMILY.fresh(conv, BasisSpec(5))
    FAMILY.fit(layer, Target.of(conv))
    torch.testing.assert_close(layer(x), conv(x), rtol=1e-4, atol=1e-5)


def test_what_is_asked_is_of_the_group_and_its_rule() -> None:
    rule = FAMILY.rule.model_validate({"filters": {"low": 0.25, "high": 0.5}})
    offer = FAMILY.offer(rule, "group", {"a": SHAPE})
    numbers = {number.name: number for number in offer.parameters}
    assert numbers["group/filters"].range == rule.filters
    assert offer.layers(offer.extreme({"a": SHAPE}, "smallest"), {"a": SHAPE})["a"].filters == 32


@pytest.mark.parametrize(
    ("numbers", "most"),
    [
        ({"filters": 129}, True),
        ({"filters": 128}, False),
        ({"filters": 129, "bank_seed": 0}, False),
        ({}, False),
    ],
)
def test_why_layers_are_left_out_of_one_choice_for_all(numbers: dict[str, Any], most: bool) -> None:
    """With the most filters a stored bank saves nothing; a random one does."""
    shapes = {"a": SHAPE, "b": ConvShape(64, 128, (1, 1)), "c": SHAPE}
    why = "it can have at most 128 filters, with which it saves nothing"
    wanted = {"a": why, "b": "its kernel is 1x1", "c": why} if most else {"b": "its kernel is 1x1"}
    assert list(FAMILY.left_out(shapes, numbers).items()) == list(wanted.items())

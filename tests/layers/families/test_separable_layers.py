"""The family `separable`: layers that are made, numbers that are read back, and what is asked."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lcsearch.layers.closeness import Target
from lcsearch.layers.families.separable import FAMILY, SeparableSpec
from lcsearch.layers.separable_conv import SeparableConv2d
from lcsearch.layers.shape import ConvShape

SHAPE = ConvShape(64, 128, (3, 3), bias=False)


@pytest.mark.parametrize("spec", [SeparableSpec(2), SeparableSpec(1, 2)])
def test_a_layer_is_made_as_its_convolution_is(spec: SeparableSpec) -> None:
    layer = FAMILY.fresh(nn.Conv2d(3, 6, 3, stride=2, padding=1).double(), spec)
    assert isinstance(layer, SeparableConv2d) and FAMILY.spec_of(layer) == spec
    assert layer(torch.randn(1, 3, 9, 9, dtype=torch.float64)).shape == (1, 6, 5, 5)


def test_with_as_many_terms_as_a_kernel_has_numbers_trained_filters_are_made_exactly() -> None:
    torch.manual_seed(0)
    conv, x = nn.Conv2d(3, 5, 2, bias=False), torch.randn(1, 3, 8, 8)
    layer = FAMILY.fresh(conv, SeparableSpec(4))
    FAMILY.fit(layer, Target.of(conv))
    torch.testing.assert_close(layer(x), conv(x), rtol=1e-4, atol=1e-5)


def test_ways_are_read_back_from_their_numbers() -> None:
    ways = FAMILY.ways(SHAPE)
    assert [FAMILY.read_way(way.numbers, way.params) for way in ways] == ways
    first = next(way for way in ways if way.spec == SeparableSpec(2, 32))
    assert first.numbers == {"terms": 2, "rank": 32, "ratio": 0.5}
    assert first.order == (-2 / 9, -0.5) and ways[0].order == (-4 / 9, -float("inf"))


def test_numbers_of_a_spec_are_shown_short_and_in_cells() -> None:
    assert FAMILY.short(SeparableSpec(3, 2)) == "3"
    assert FAMILY.numbers(SeparableSpec(3, 2)) == {"terms": 3, "rank": 2}
    assert FAMILY.cells({}) == ("0 terms", "full")


def test_what_is_asked_is_of_the_group_and_its_rule() -> None:
    rule = FAMILY.rule.model_validate({"terms": {"low": 2, "high": 3}})
    offer = FAMILY.offer(rule, "group", {"a": SHAPE})
    numbers = {number.name: number for number in offer.parameters}
    assert numbers["group/terms"].range == rule.terms
    smallest = offer.layers(offer.extreme({"a": SHAPE}, "smallest"), {"a": SHAPE})
    assert smallest == {"a": SeparableSpec(2)}
    assert list(offer.guesses(smallest, {"a": SHAPE}))

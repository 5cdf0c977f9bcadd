"""The family `separable`: its contract, and its numbers against counts made in another way."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from lcsearch.layers.families.separable import FAMILY, SeparableSpec
from lcsearch.layers.shape import ConvShape, Places, Size
from lcsearch.testing import check_family

SHAPE = ConvShape(8, 16, (3, 3))
SPECS = [
    SeparableSpec(1),
    SeparableSpec(2),
    SeparableSpec(1, rank=1),
    SeparableSpec(1, rank=3),
    SeparableSpec(3, rank=4),
    SeparableSpec(5),
]


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    check_family(FAMILY, specs=SPECS)


def numbers_one_by_one(conv: nn.Conv2d, terms: int, rank: int | None) -> int:
    """Count what a layer is made of, term by term, as its definition names it."""
    found = 0 if conv.bias is None else conv.out_channels
    for _ in range(terms):
        for _ in range(conv.out_channels):
            found += conv.kernel_size[0] * conv.kernel_size[1]  # b_k[o]
            found += conv.in_channels if rank is None else rank  # a_k[o], or a row of C_k
    return found + (0 if rank is None else rank * conv.in_channels)  # R


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("terms", "rank"), [(1, None), (2, None), (1, 4), (3, 2), (9, 8)])
def test_it_stores_what_its_definition_names(terms: int, rank: int | None, bias: bool) -> None:
    conv = nn.Conv2d(8, 16, 3, bias=bias)
    spec, shape = SeparableSpec(terms, rank), ConvShape(8, 16, (3, 3), bias=bias)
    stored = numbers_one_by_one(conv, terms, rank)
    assert FAMILY.size(shape, spec) == Size(trainable=stored, stored=stored)
    assert sum(parameter.numel() for parameter in FAMILY.fresh(conv, spec).parameters()) == stored


def test_one_term_is_the_published_layer() -> None:
    # BSConv-U: 1x1 (in * out), then depthwise (k * k * out). BSConv-S: 1x1 to r channels before it.
    shape = ConvShape(64, 128, (3, 3), bias=False)
    assert FAMILY.size(shape, SeparableSpec(1)).stored == 64 * 128 + 9 * 128
    assert FAMILY.size(shape, SeparableSpec(1, rank=16)).stored == 64 * 16 + 16 * 128 + 9 * 128


@pytest.mark.parametrize(
    ("spec", "macs"),
    [
        (SeparableSpec(1), 100 * 8 * 16 + 25 * 9 * 16),
        (SeparableSpec(1, rank=2), 100 * (8 * 2 + 2 * 16) + 25 * 9 * 16),
        (SeparableSpec(2, rank=1), 100 * (8 + 2 * 16) + 25 * 2 * 9 * 16),
        (SeparableSpec(2), 25 * 9 * 8 * 16),  # 4 positions of the input for each output: more than plain
    ],
)
def test_the_mixing_costs_at_the_input_and_the_blueprints_at_the_output(
    spec: SeparableSpec, macs: int
) -> None:
    assert FAMILY.macs(SHAPE, spec, Places(given=100, made=25)) == macs


@pytest.mark.parametrize(
    ("shape", "spec", "saves"),
    [
        (ConvShape(8, 16, (3, 3)), SeparableSpec(4), True),  # 4 * (8 + 9) = 68 of 72 a filter
        (ConvShape(8, 16, (3, 3)), SeparableSpec(5), False),  # 5 * (8 + 9) = 85
        (ConvShape(1, 16, (3, 3)), SeparableSpec(1), False),  # 1 + 9 of 9
        (ConvShape(2, 16, (3, 3)), SeparableSpec(1), True),  # 2 + 9 of 18
        (ConvShape(2, 2, (2, 1)), SeparableSpec(1), False),  # 2 * 2 + 2 * 2, as many as it has
        (ConvShape(16, 16, (3, 3)), SeparableSpec(9, rank=3), True),  # 3 * (16 + 144) + 1296 of 2304
        (ConvShape(8, 16, (3, 3)), SeparableSpec(9, rank=1), False),  # the blueprints alone are 1296 of 1152
    ],
)
def test_it_is_plain_where_it_stores_no_less(shape: ConvShape, spec: SeparableSpec, saves: bool) -> None:
    assert FAMILY.canonical(shape, spec) == (spec if saves else None)


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (ConvShape(8, 16, (3, 3), groups=2), "it has 2 groups"),
        (ConvShape(8, 8, (3, 3), groups=8), "it is depthwise"),
        (ConvShape(8, 16, (1, 1)), "its kernel is 1x1"),
    ],
)
def test_what_cannot_be_separable_is_refused(shape: ConvShape, why: str) -> None:
    assert FAMILY.refuses(shape) == why
    with pytest.raises(ValueError, match=f"^cannot be separable: {why}$"):
        FAMILY.canonical(shape, SeparableSpec())
    conv = nn.Conv2d(shape.in_channels, shape.out_channels, shape.kernel, groups=shape.groups)
    with pytest.raises(ValueError, match=f"^cannot be separable: {why}$"):
        FAMILY.fresh(conv, SeparableSpec())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (SeparableSpec(5), "terms=5 must be in 1..4 for a 2x2 kernel"),
        (SeparableSpec(0), "terms=0 must be in 1..4 for a 2x2 kernel"),
        (SeparableSpec(1, 7), "rank=7 must be in 1..6 for 8 input channels and 1 x 6 mixed ones"),
        (SeparableSpec(2, 9), "rank=9 must be in 1..8 for 8 input channels and 2 x 6 mixed ones"),
        (SeparableSpec(1, 0), "rank=0 must be in 1..6 for 8 input channels and 1 x 6 mixed ones"),
    ],
)
def test_numbers_out_of_range_are_named(spec: SeparableSpec, message: str) -> None:
    for ask in (FAMILY.canonical, FAMILY.size):
        with pytest.raises(ValueError) as caught:
            ask(ConvShape(8, 6, (2, 2)), spec)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("numbers", "spec"),
    [
        ({"terms": 2}, SeparableSpec(2)),
        ({"terms": 12}, SeparableSpec(9)),
        ({"terms": 1, "rank": 5}, SeparableSpec(1, 5)),
        ({"terms": 1, "rank": 50}, SeparableSpec(1, 8)),
    ],
)
def test_what_is_chosen_for_all_layers_is_cut_to_what_one_can_have(
    numbers: dict[str, Any], spec: SeparableSpec
) -> None:
    assert FAMILY.chosen(SHAPE, numbers) == spec


def test_a_rank_that_stores_no_less_is_waste() -> None:
    # r (8 + 16) < 8 * 16 up to r = 5.
    assert FAMILY.waste(SHAPE, SeparableSpec(1, 5)) is None
    assert FAMILY.waste(SHAPE, SeparableSpec(1, 6)) == "rank 6"
    assert FAMILY.waste(SHAPE, SeparableSpec(1)) is None


def test_words() -> None:
    assert FAMILY.words(SeparableSpec(1)) == "separable, 1 term"
    assert FAMILY.words(SeparableSpec(2, 10)) == "separable, 2 terms, rank 10"
    assert FAMILY.cells(FAMILY.numbers(SeparableSpec(2))) == ("2 terms", "full")
    assert FAMILY.cells(FAMILY.numbers(SeparableSpec(1, 10))) == ("1 term", "rank 10")

"""What of separable layers is measured, and the numbers and words that they are known by."""

from __future__ import annotations

import math

import pytest

from lcsearch.layers import lookup
from lcsearch.layers.families.separable import FAMILY, SeparableSpec
from lcsearch.layers.shape import ConvShape

SHAPE = ConvShape(64, 128, (3, 3), bias=False)


def test_ways_are_terms_in_full_and_low_ranks_of_few() -> None:
    """A term takes 64 · 128 + 9 · 128 numbers, of rank r 192 r + 1,152; two of rank r 320 r + 2,304."""
    assert [(way.spec, way.params) for way in FAMILY.ways(SHAPE)] == [
        (SeparableSpec(4), 37_376),
        (SeparableSpec(3), 28_032),
        (SeparableSpec(2), 18_688),
        (SeparableSpec(2, 32), 12_544),
        (SeparableSpec(1), 9_344),
        (SeparableSpec(2, 16), 7_424),
        (SeparableSpec(1, 32), 7_296),
        (SeparableSpec(1, 16), 4_224),
    ]


@pytest.mark.parametrize(
    ("shape", "specs"),
    [
        (ConvShape(1, 16, (3, 3)), []),
        # Two terms in full have 2 · (16 + 16) of 64 numbers; a rank of 2 stores 4 · 4 numbers in no fewer.
        (ConvShape(4, 4, (2, 2)), [SeparableSpec(2, 2), SeparableSpec(2, 1), SeparableSpec(1),
                                   SeparableSpec(1, 1)]),
        (ConvShape(64, 64, (3, 1)), [SeparableSpec(2), SeparableSpec(2, 32), SeparableSpec(1),
                                     SeparableSpec(2, 16), SeparableSpec(1, 16)]),
    ],
)  # fmt: skip
def test_only_ways_that_save_are_measured_and_none_twice(
    shape: ConvShape, specs: list[SeparableSpec]
) -> None:
    assert [way.spec for way in FAMILY.ways(shape)] == specs


def test_labels_go_from_the_least_compressed_to_the_most() -> None:
    """A term is about a ninth of a 3x3 kernel: between alphas of 1/8 and 1/16."""
    ways = sorted(lookup.ways(SHAPE, ["linear", "separable"]), key=lambda way: way.order)
    labels = [way.label for way in ways if ", " not in way.label]
    assert labels == ["1/2", "4 terms", "3 terms", "1/4", "2 terms", "1/8", "1 term", "1/16", "1/32", "1/64"]
    own = [way.label for way in sorted(FAMILY.ways(SHAPE), key=lambda way: way.order)]
    assert own[2:] == [
        *("2 terms", "2 terms, rank 1/2 in", "2 terms, rank 1/4 in"),
        *("1 term", "1 term, rank 1/2 in", "1 term, rank 1/4 in"),
    ]


def test_a_surrogate_sees_the_plain_convolution_at_zero() -> None:
    assert FAMILY.describe(SHAPE, SeparableSpec(9)) == (0.0, 0.0)
    terms, rank = FAMILY.describe(SHAPE, SeparableSpec(1, 16))
    assert (terms, rank) == pytest.approx((-math.log(9), -math.log(4)))
    narrow = ConvShape(64, 8, (3, 3))
    assert FAMILY.describe(narrow, SeparableSpec(1, 8))[1] == 0.0, "a matrix of 8 x 64 has no higher rank"


def test_coordinates_tell_plain_layers_full_ones_and_ranks_apart() -> None:
    assert FAMILY.coordinates(None) == pytest.approx((math.log2(9), 12.0))
    assert FAMILY.coordinates(SeparableSpec(2)) == (1.0, 12.0)
    assert FAMILY.coordinates(SeparableSpec(1, 16)) == (0.0, 4.0)
    assert FAMILY.share_words(1 / 9) == "separable 1/9"

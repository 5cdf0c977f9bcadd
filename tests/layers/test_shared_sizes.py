from __future__ import annotations

import pytest

from lcsearch.layers import shared_sizes
from lcsearch.layers.shape import ConvShape

SHAPE = ConvShape(16, 24, (3, 5), bias=False)


def test_numbers_worked_out_by_hand() -> None:
    assert shared_sizes.bank_params(SHAPE, 8) == 8 * 16 * 15
    assert shared_sizes.own_params(SHAPE, 8, 3) == 3 * 16 * 15 + 24 * 11 + 2 * 11
    assert shared_sizes.own_params(ConvShape(16, 24, (3, 5)), 8, 0) == 24 * 8 + 2 * 8 + 24
    assert shared_sizes.feature_macs(SHAPE, 8, 3) == 11 * 16 * 15 + 24 * 11


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (ConvShape(16, 16, (3, 3), groups=16), "it is depthwise"),
        (ConvShape(16, 16, (3, 3), groups=4), "it has 4 groups"),
        (ConvShape(16, 16, (3, 3), groups=2), "it has 2 groups"),
        (ConvShape(16, 16, (1, 1)), "its kernel is 1x1 and it adds no channels"),
        (ConvShape(16, 17, (1, 1)), None),
        (ConvShape(16, 8, (1, 3)), None),
    ],
)
def test_what_cannot_share_says_why(shape: ConvShape, why: str | None) -> None:
    assert shared_sizes.refusal(shape) == why
    if why is not None:
        with pytest.raises(ValueError, match=f"cannot share filters: {why}"):
            shared_sizes.check(shape, 1, 0)


@pytest.mark.parametrize(
    ("shared", "unique", "message"),
    [
        (0, 1, "shared=0 must be in 1..240 for filters of 240 numbers"),
        (241, 0, "shared=241 must be in 1..240 for filters of 240 numbers"),
        (8, -1, "unique=-1 must be in 0..232 for filters of 240 numbers and 8 shared filters"),
        (1, 240, "unique=240 must be in 0..239 for filters of 240 numbers and 1 shared filter"),
    ],
)
def test_numbers_out_of_range_are_named(shared: int, unique: int, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        shared_sizes.check(SHAPE, shared, unique)
    assert str(caught.value) == message


def test_a_basis_may_have_as_many_filters_as_a_filter_has_numbers() -> None:
    shared_sizes.check(SHAPE, 240, 0)
    shared_sizes.check(SHAPE, 1, 239)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (ConvShape(8, 24, (3, 5)), "its input channels are 8, not 16"),
        (ConvShape(16, 32, (3, 5)), "its output channels are 32, not 24"),
        (ConvShape(16, 24, (3, 3)), "its kernel is 3x3, not 3x5"),
    ],
)
def test_layers_of_other_shapes_cannot_share(other: ConvShape, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        shared_sizes.check_alike({"a": SHAPE, "b": SHAPE, "c": other})
    assert str(caught.value) == f"'c' cannot share filters with 'a': {words}"
    shared_sizes.check_alike({"a": SHAPE, "b": ConvShape(16, 24, (3, 5), bias=True)})

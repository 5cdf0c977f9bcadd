"""What a basis layer may be made of, in the words that people read."""

from __future__ import annotations

import pytest

from lcsearch.layers import basis_sizes
from lcsearch.layers.shape import ConvShape

SHAPE = ConvShape(8, 16, (3, 5))
"""Filters of 120 numbers, so that 16 filters make any convolution."""


@pytest.mark.parametrize("filters", [-1, 0, 17])
def test_a_number_of_filters_out_of_range_is_named(filters: int) -> None:
    with pytest.raises(ValueError) as caught:
        basis_sizes.check(SHAPE, filters, False, None)
    assert str(caught.value) == (
        f"filters={filters} must be in 1..16 for 16 output channels and filters of 120 numbers"
    )


@pytest.mark.parametrize(("shape", "most"), [(SHAPE, 16), (ConvShape(1, 64, (3, 1)), 3)])
def test_the_most_filters_are_as_many_as_make_any_convolution(shape: ConvShape, most: int) -> None:
    assert basis_sizes.most(shape) == most
    for filters in (1, most):
        basis_sizes.check(shape, filters, False, 0)
        basis_sizes.check(shape, filters, True, None)


def test_a_bank_is_drawn_or_trained() -> None:
    with pytest.raises(ValueError) as caught:
        basis_sizes.check(SHAPE, 4, True, 0)
    assert str(caught.value) == "train_basis=True and bank_seed=0 exclude each other"

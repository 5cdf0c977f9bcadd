"""What a basis layer stores and computes, in whole numbers. Pure Python: no tensors.

Words: a layer of Q ``filters`` has a bank of Q filters of in * kh * kw numbers each, and Q numbers for each
output channel, its mixing. A bank that is drawn from a seed is not stored; one that is taken from a trained
convolution is; one that is trained itself is, and has a batch norm behind it, of two numbers a filter.
"""

from __future__ import annotations

from lcsearch.layers.shape import ConvShape, Size

FITS = "what fits is a convolution of one group whose kernel is larger than 1x1"


def refusal(shape: ConvShape) -> str | None:
    """Why a convolution cannot be made of a bank and a mixing, in words; None where it can."""
    if shape.groups > 1:
        return "it is depthwise" if shape.groups == shape.in_channels else f"it has {shape.groups} groups"
    return "its kernel is 1x1" if shape.kernel == (1, 1) else None


def most(shape: ConvShape) -> int:
    """Return how many filters a bank has at most: with as many, the layer can be any convolution."""
    return min(shape.out_channels, shape.filter_size)


def check(shape: ConvShape, filters: int, train_basis: bool, bank_seed: int | None) -> None:
    """Check that a convolution can be made of a bank of so many filters.

    Raises:
        ValueError: It cannot; the message names the number, its value and the range.
    """
    why = refusal(shape)
    if why is not None:
        raise ValueError(f"cannot be of a basis: {why}; {FITS}")
    if not 1 <= filters <= most(shape):
        raise ValueError(
            f"filters={filters!r} must be in 1..{most(shape)} for {shape.out_channels} output channels and "
            f"filters of {shape.filter_size} numbers"
        )
    if train_basis and bank_seed is not None:
        raise ValueError(f"train_basis=True and bank_seed={bank_seed!r} exclude each other")


def bank(shape: ConvShape, filters: int) -> int:
    """Return the numbers of a bank."""
    return filters * shape.filter_size


def mixing(shape: ConvShape, filters: int) -> int:
    """Return the numbers of a mixing."""
    return shape.out_channels * filters


def size(shape: ConvShape, filters: int, train_basis: bool, bank_seed: int | None) -> Size:
    """Return the numbers of a layer, its bias included: those that training changes, and those of a file."""
    learned = mixing(shape, filters) + shape.bias_size
    if train_basis:
        learned += bank(shape, filters) + 2 * filters
        return Size(learned, learned)
    return Size(learned, learned if bank_seed is not None else learned + bank(shape, filters))


def feature_macs(shape: ConvShape, filters: int) -> int:
    """Return the multiply-accumulates per output position of the bank and of the 1x1 that mixes it."""
    return bank(shape, filters) + mixing(shape, filters)

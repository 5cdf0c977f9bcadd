"""What a separable layer stores and computes, in whole numbers. Pure Python: no tensors.

Words: a layer of K ``terms`` has K blueprints of kh * kw numbers an output channel, and K numbers for each of
its filters' input channels, the mixing: full (K, out, in), or of rank r, a product (K, out, r) (r, in).
"""

from __future__ import annotations

from lcsearch.layers.shape import ConvShape, Places


def refusal(shape: ConvShape) -> str | None:
    """Why a convolution cannot be separable, in words; None where it can."""
    if shape.groups > 1:
        return "it is depthwise" if shape.groups == shape.in_channels else f"it has {shape.groups} groups"
    return "its kernel is 1x1" if shape.kernel == (1, 1) else None


def check(shape: ConvShape, terms: int, rank: int | None) -> None:
    """Check that a convolution can be made of so many terms, and of this rank.

    Raises:
        ValueError: It cannot; the message names the number, its value and the range.
    """
    why = refusal(shape)
    if why is not None:
        raise ValueError(f"cannot be separable: {why}")
    height, width = shape.kernel
    if not 1 <= terms <= height * width:
        raise ValueError(f"terms={terms!r} must be in 1..{height * width} for a {height}x{width} kernel")
    most = max_rank(shape, terms)
    if rank is not None and not 1 <= rank <= most:
        raise ValueError(
            f"rank={rank!r} must be in 1..{most} for {shape.in_channels} input channels and "
            f"{terms} x {shape.out_channels} mixed ones"
        )


def max_rank(shape: ConvShape, terms: int) -> int:
    """Return the largest rank that the mixing of so many terms can have."""
    return min(shape.in_channels, terms * shape.out_channels)


def max_useful_rank(shape: ConvShape, terms: int) -> int:
    """Return the largest rank that stores less than a full mixing; 0 if none does."""
    rows, columns = terms * shape.out_channels, shape.in_channels
    return max(0, (rows * columns - 1) // (rows + columns))


def pointwise(shape: ConvShape, terms: int, rank: int | None) -> int:
    """Return the numbers of the mixing, which are its multiply-accumulates per input position as well."""
    rows, columns = terms * shape.out_channels, shape.in_channels
    return rows * columns if rank is None else rank * (rows + columns)


def depthwise(shape: ConvShape, terms: int) -> int:
    """Return the numbers of the blueprints, their multiply-accumulates per output position as well."""
    height, width = shape.kernel
    return terms * shape.out_channels * height * width


def params(shape: ConvShape, terms: int, rank: int | None) -> int:
    """Return the numbers of a layer, its bias included."""
    return pointwise(shape, terms, rank) + depthwise(shape, terms) + shape.bias_size


def feature_macs(shape: ConvShape, terms: int, rank: int | None, places: Places) -> int:
    """Return the multiply-accumulates of the mixing of an image, and then of each output's blueprints."""
    return places.given * pointwise(shape, terms, rank) + places.made * depthwise(shape, terms)

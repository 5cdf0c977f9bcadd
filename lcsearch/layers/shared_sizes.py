"""What layers that share a bank store and compute, in whole numbers. Pure Python: no tensors.

Words: a *bank* is a set of ``shared`` filters that several layers use; each layer has ``unique`` filters of
its own, a batch norm of what both make of an image, and the *mixing* of that, (out, unique + shared).
"""

from __future__ import annotations

from collections.abc import Iterator

from lcsearch.core.text import counted
from lcsearch.layers.shape import ConvShape, Shapes

_NORM = 2
"""Numbers of a batch norm for each filter; they fold into the mixing and a bias when a model is exported."""

FITS = "what fits is a convolution of one group, larger than 1x1 or with more outputs than inputs"


def refusal(shape: ConvShape) -> str | None:
    """Why a convolution cannot share filters, in words; None where it can."""
    if shape.groups > 1:
        return "it is depthwise" if shape.groups == shape.in_channels else f"it has {shape.groups} groups"
    narrows = shape.kernel == (1, 1) and shape.out_channels <= shape.in_channels
    return "its kernel is 1x1 and it adds no channels" if narrows else None


def check(shape: ConvShape, shared: int, unique: int) -> None:
    """Check that a convolution can be made of so many shared and unique filters.

    Raises:
        ValueError: It cannot; the message names the number, its value and the range.
    """
    why = refusal(shape)
    if why is not None:
        raise ValueError(f"cannot share filters: {why}; {FITS}")
    most = shape.filter_size
    if not 1 <= shared <= most:
        raise ValueError(f"shared={shared!r} must be in 1..{most} for filters of {most} numbers")
    if not 0 <= unique <= most - shared:
        raise ValueError(
            f"unique={unique!r} must be in 0..{most - shared} for filters of {most} numbers and "
            f"{counted(shared, 'shared filter')}"
        )


def check_alike(shapes: Shapes) -> None:
    """Check that layers have equal shapes, apart from their biases.

    Raises:
        ValueError: One does not; the message says in what it differs from the first.
    """
    (first, wanted), *others = shapes.items()
    for name, shape in others:
        for words, value, other in _facts(shape, wanted):
            if value != other:
                raise ValueError(
                    f"{name!r} cannot share filters with {first!r}: {words} {value}, not {other}"
                )


def _facts(shape: ConvShape, other: ConvShape) -> Iterator[tuple[str, str, str]]:
    yield "its input channels are", str(shape.in_channels), str(other.in_channels)
    yield "its output channels are", str(shape.out_channels), str(other.out_channels)
    yield "its kernel is", "x".join(map(str, shape.kernel)), "x".join(map(str, other.kernel))


def bank_params(shape: ConvShape, shared: int) -> int:
    """Return the numbers of a bank."""
    return shared * shape.filter_size


def own_params(shape: ConvShape, shared: int, unique: int) -> int:
    """Return the numbers of a layer apart from its bank: filters, batch norm, mixing and bias."""
    filters = shared + unique
    return unique * shape.filter_size + (_NORM + shape.out_channels) * filters + shape.bias_size


def feature_macs(shape: ConvShape, shared: int, unique: int) -> int:
    """Return the multiply-accumulates of the filters and of the mixing, per output position."""
    return (shared + unique) * (shape.filter_size + shape.out_channels)

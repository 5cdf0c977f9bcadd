"""Kernels without what meets nothing but padding: on a map of 1x1 all of a padded 3x3 but its middle."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from lcsearch.core.torch_private import recorded
from lcsearch.layers.geometry import Geometry


def trimmed(geometry: Geometry, height: int, width: int) -> Geometry:
    """Return the arguments of the convolution by a smaller kernel that makes the same of small feature maps.

    As much is left out at either side, and padding with it. What is compiled, exported or traced keeps its
    kernel, since it may serve other sizes.

    Args:
        geometry: The arguments of a convolution.
        height: Of its input.
        width: Of its input.
    """
    if recorded() or geometry.padding_mode != "zeros":
        return geometry
    left, right, top, bottom = geometry.edges()
    if left != right or top != bottom:
        return geometry
    pads, kernel = (top, left), geometry.kernel_size
    idle = [
        _idle(kernel[axis], size, pads[axis], geometry.dilation[axis])
        for axis, size in enumerate((height, width))
    ]
    if not any(idle):
        return geometry
    down, right = idle
    smaller = replace(
        geometry,
        kernel_size=(kernel[0] - 2 * down, kernel[1] - 2 * right),
        padding=(top - down * geometry.dilation[0], left - right * geometry.dilation[1]),
    )
    still = replace(smaller, stride=(1, 1))  # a step that is never taken; without it there is fast code
    return still if still.output_size(height, width) == (1, 1) else smaller


def cut(filters: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the middle of filters (..., kh, kw), of the size of a trimmed kernel."""
    down, right = ((size - kept) // 2 for size, kept in zip(filters.shape[-2:], kernel, strict=True))
    return filters[..., down : down + kernel[0], right : right + kernel[1]] if down or right else filters


def _idle(kernel: int, size: int, padding: int, dilation: int) -> int:
    """How many numbers at either end of a kernel meet nothing but padding, in one direction.

    Those at the end that stand behind the map at the first step. As many at the beginning then stand before
    it at the last one, which reaches no further than the padding.

    Args:
        kernel: Numbers of the kernel.
        size: Of the input.
        padding: Zeros at either end.
        dilation: Distance of the kernel's numbers.
    """
    last = (kernel - 1) * dilation - padding  # where the kernel's last number stands at the first step
    return max(0, min(padding // dilation, (last - size) // dilation + 1))

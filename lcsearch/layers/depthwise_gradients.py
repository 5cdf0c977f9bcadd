"""The two gradients of a depthwise convolution, where oneDNN has no fast code for them.

What oneDNN is fast at on a CPU, in channels-last layout: the convolution itself; the gradient of the maps,
unless dilated, or strided in bfloat16; the gradient of filters of at most 3x3 that are not dilated, on maps
of at least their size. All else is brought to these, or is done number by number of the filters.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 3
"""Rows and columns of the largest filters whose gradient oneDNN is fast at."""


class Steps(NamedTuple):
    """How filters move over feature maps: height and width of each, as ``F.conv2d`` takes them."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)


def convolved(z: Tensor, filters: Tensor, bias: Tensor | None, steps: Steps) -> Tensor:
    """Convolve each channel of z (n, c, h, w) by a filter of its own, of (c, kh, kw), as PyTorch does it."""
    return F.conv2d(z, filters[:, None], bias, steps.stride, steps.padding, steps.dilation, filters.shape[0])


def slow_for_filters(z: Tensor, filters: Tensor, steps: Steps) -> bool:
    """Whether oneDNN has no fast gradient of the filters."""
    sizes = zip(z.shape[2:], filters.shape[1:], steps.stride, steps.padding, strict=True)
    return steps.dilation != (1, 1) or any(
        kernel > BLOCK or size < kernel + padding % stride or padding > kernel // 2
        for size, kernel, stride, padding in sizes
    )


def slow_for_maps(z: Tensor, steps: Steps) -> bool:
    """Whether oneDNN has no fast gradient of the feature maps."""
    return steps.dilation != (1, 1) or (z.dtype == torch.bfloat16 and steps.stride != (1, 1))


def of_maps(gradient: Tensor, z: Tensor, filters: Tensor, steps: Steps) -> Tensor:
    """Return the gradient of feature maps z (n, c, h, w).

    Where PyTorch's is slow it is a convolution by the filters turned round.

    Args:
        gradient: Of what the convolution made (n, c, h', w').
        z: Feature maps.
        filters: (c, kh, kw).
        steps: How the filters move.
    """
    if not slow_for_maps(z, steps):
        return _by_pytorch(gradient, z, filters, steps, maps=True)
    spread, edges = _spread(gradient, steps.stride), []
    for axis in (1, 0):
        reach = steps.dilation[axis] * (filters.shape[1 + axis] - 1)
        before = reach - steps.padding[axis]
        edges += [before, z.shape[2 + axis] + reach - spread.shape[2 + axis] - before]
    return convolved(F.pad(spread, edges), filters.flip(1, 2), None, Steps(dilation=steps.dilation))


def of_filters(gradient: Tensor, z: Tensor, filters: Tensor, steps: Steps) -> Tensor:
    """Return the gradient of filters (c, kh, kw); arguments as `of_maps`.

    Where PyTorch's is slow the padding is written out, and the filters come in blocks of at most 3x3.
    """
    if not slow_for_filters(z, filters, steps):
        return _by_pytorch(gradient, z, filters, steps, maps=False)
    top, left = steps.padding
    padded = F.pad(z, (left, left, top, top))
    _, height, width = filters.shape
    if steps.dilation != (1, 1) or (steps.stride != (1, 1) and max(height, width) > BLOCK):
        return _number_by_number(gradient, padded, (height, width), steps)
    rows, starts = [], range(0, width, BLOCK)
    for row in range(0, height, BLOCK):
        blocks = [_of_block(gradient, padded, filters, steps.stride, row, column) for column in starts]
        rows.append(torch.cat(blocks, 2))
    return torch.cat(rows, 1)


def _spread(maps: Tensor, stride: tuple[int, int]) -> Tensor:
    """Put zeros between the numbers of feature maps, so that neighbours are `stride` apart."""
    if stride == (1, 1):
        return maps
    n, channels, height, width = maps.shape
    spread = maps.new_zeros(n, (height - 1) * stride[0] + 1, (width - 1) * stride[1] + 1, channels)
    spread[:, :: stride[0], :: stride[1]] = maps.permute(0, 2, 3, 1)
    return spread.permute(0, 3, 1, 2)


def _of_block(
    gradient: Tensor, padded: Tensor, filters: Tensor, stride: tuple[int, int], row: int, column: int
) -> Tensor:
    """The gradient of the filters' numbers from a row and column on, at most `BLOCK` down and right."""
    block = filters[:, row : row + BLOCK, column : column + BLOCK]
    down, right = ((gradient.shape[2 + axis] - 1) * stride[axis] + block.shape[1 + axis] for axis in (0, 1))
    met = padded[:, :, row : row + down, column : column + right]
    return _by_pytorch(gradient, met, block, Steps(stride), maps=False)


def _number_by_number(gradient: Tensor, padded: Tensor, kernel: tuple[int, int], steps: Steps) -> Tensor:
    """The gradient of the filters, each number's from the part of the padded maps that it meets."""
    (height, width), (down, right) = gradient.shape[2:], steps.stride
    numbers = []
    for row in range(0, kernel[0] * steps.dilation[0], steps.dilation[0]):
        for column in range(0, kernel[1] * steps.dilation[1], steps.dilation[1]):
            rows = slice(row, row + (height - 1) * down + 1, down)
            columns = slice(column, column + (width - 1) * right + 1, right)
            numbers.append((padded[:, :, rows, columns] * gradient).sum((0, 2, 3)))
    return torch.stack(numbers, 1).view(-1, *kernel)


def _by_pytorch(gradient: Tensor, z: Tensor, filters: Tensor, steps: Steps, maps: bool) -> Tensor:
    """PyTorch's gradient of the feature maps or of the filters."""
    of_maps, of_filters, _ = torch.ops.aten.convolution_backward(
        gradient,
        z,
        filters[:, None],
        None,
        *steps,
        transposed=False,
        output_padding=(0, 0),
        groups=filters.shape[0],
        output_mask=(maps, not maps, False),
    )
    gradient_wanted: Tensor = of_maps if maps else of_filters[:, 0]
    return gradient_wanted

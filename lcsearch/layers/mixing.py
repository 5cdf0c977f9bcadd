"""Feature space: convolve with the primary filters, then mix their output channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pointwise(x: Tensor, matrices: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply a matrix to the channels at each position.

    Args:
        x: (n, banks * i, h, w) input.
        matrices: (banks, o, i) one matrix per bank of channels.
        bias: (banks * o,) or None.

    Returns:
        (n, banks * o, h, w) tensor.
    """
    return F.conv2d(x, matrices.flatten(0, 1)[:, :, None, None], bias, groups=len(matrices))


def append(y: Tensor, factors: tuple[Tensor, ...], bias: Tensor | None) -> Tensor:
    """Return the primaries' output followed, bank by bank, by its secondaries.

    Args:
        y: (n, banks * p, h, w) output of the primary filters.
        factors: Matrices (banks, o, i) to apply one after the other; their product is A (banks, s, p).
        bias: (banks * (p + s),), bank by bank, or None.

    Returns:
        (n, banks * (p + s), h, w) tensor.
    """
    z = y
    for matrix in factors:
        z = pointwise(z, matrix)
    banks = len(factors[0])
    if banks > 1:
        n, _, h, w = y.shape
        both = [t.reshape(n, banks, -1, h, w) for t in (y, z)]
        out = torch.cat(both, 2).flatten(1, 2)
    else:
        out = torch.cat([y, z], 1)
    return out if bias is None else out + bias[:, None, None]

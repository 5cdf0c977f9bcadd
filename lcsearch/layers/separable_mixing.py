"""What a separable layer computes: its filters in weight space; in feature space two convolutions a term.

A term is a 1x1 convolution, and a depthwise one of what that makes. One convolution in groups of the K terms
of an output sums them as well, and is what is exported; on a CPU it takes several times as long, forward and
backward.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lcsearch.core.torch_private import recorded, transforms_active
from lcsearch.layers.depthwise import depthwise
from lcsearch.layers.depthwise_gradients import Steps
from lcsearch.layers.geometry import Geometry

FEW_PLACES = 1024
"""For so many places of all images together a matrix product is faster than a 1x1 convolution."""
SMALL_MAP = 4
"""So it is for maps of so few places, however many images there are."""


def combined(matrices: Tensor, blueprints: Tensor) -> Tensor:
    """Return the filters (out, in, kh, kw) of the mixing (K, out, in) of blueprints (K, out, kh, kw)."""
    if matrices.shape[0] == 1:
        made = matrices[0, :, :, None, None] * blueprints[0, :, None]
    else:
        _, out, height, width = blueprints.shape
        pictures = blueprints.flatten(2).transpose(0, 1)
        made = torch.bmm(matrices.permute(1, 2, 0), pictures).view(out, -1, height, width)
    return made.to(blueprints.dtype)  # which autocast may have left


def summed(
    x: Tensor, matrices: Tensor, blueprints: Tensor, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    """Return the sum of the terms.

    Args:
        x: Feature maps (n, c, h, w).
        matrices: Of the 1x1 convolutions (K, out, c).
        blueprints: (K, out, kh, kw).
        bias: (out,), or None.
        geometry: Stride, padding, padding mode and dilation.

    Returns:
        Feature maps (n, out, h', w').
    """
    left, right, top, bottom = edges = geometry.edges()
    written = any(edges) and (geometry.padding_mode != "zeros" or left != right or top != bottom)
    steps = Steps(geometry.stride, (0, 0) if written else (top, left), geometry.dilation)
    mode = "constant" if geometry.padding_mode == "zeros" else geometry.padding_mode
    made: Tensor | None = None
    for matrix, blueprint in zip(matrices.unbind(), blueprints.unbind(), strict=True):
        z = pointwise(x, matrix)
        if written:
            z = F.pad(z, edges, mode=mode)
        term = depthwise(z, blueprint, bias if made is None else None, steps)
        made = term if made is None else made.add_(term)
    assert made is not None
    return made


def convolved(x: Tensor, filters: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Convolve x (n, c, h, w) by filters (out, c, kh, kw): weight space."""
    if geometry.kernel_size == geometry.stride == (1, 1) and not any(geometry.edges()):
        return pointwise(x, filters[:, :, 0, 0], bias)
    return geometry.convolve(x, filters, bias, 1)


def pointwise(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """Mix the channels of x (n, c, h, w) by a matrix (d, c) at each place, and add a bias (d,)."""
    if _product_pays(x):
        return F.linear(x.permute(0, 2, 3, 1), matrix, bias).permute(0, 3, 1, 2)
    return F.conv2d(x, matrix[:, :, None, None], bias)


def _product_pays(x: Tensor) -> bool:
    """Whether a matrix product is faster than a 1x1 convolution: on a CPU, where x lies as it needs it."""
    if x.device.type != "cpu" or recorded() or transforms_active():  # vmap knows no memory format
        return False
    n, _, height, width = x.shape
    few = height * width <= SMALL_MAP or n * height * width <= FEW_PLACES
    return few and x.is_contiguous(memory_format=torch.channels_last)

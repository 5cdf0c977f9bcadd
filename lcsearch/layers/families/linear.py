"""The family ``linear``: a LinearConv layer."""

from __future__ import annotations

from torch import nn

from lcsearch.core.spec import LayerSpec
from lcsearch.layers import arithmetic
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.linear_conv import LinearConv2d


def build(conv: nn.Conv2d, spec: LayerSpec) -> nn.Module:
    """Build a fresh LinearConv layer with the arguments of ``conv``."""
    p, s = arithmetic.split(conv.out_channels, spec.alpha)
    rank = None if spec.rank is None or not s else arithmetic.resolve_rank(p, s, spec.rank, None)
    return LinearConv2d(
        **Geometry.of(conv).arguments,
        device=conv.weight.device,
        dtype=conv.weight.dtype,
        alpha=spec.alpha,
        rank=rank,
        sparsity=spec.sparsity,
    )

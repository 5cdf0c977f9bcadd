"""The family ``conv``: a plain convolution."""

from __future__ import annotations

from torch import nn

from lcsearch.core.spec import LayerSpec
from lcsearch.layers.geometry import Geometry


def build(conv: nn.Conv2d, spec: LayerSpec) -> nn.Module:
    """Build a fresh plain convolution with the arguments of ``conv``."""
    return nn.Conv2d(**Geometry.of(conv).arguments, device=conv.weight.device, dtype=conv.weight.dtype)

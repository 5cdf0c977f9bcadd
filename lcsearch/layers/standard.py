"""Standard convolutions made of the tensors of a family's layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.layers.layer import FamilyLayer


@torch.no_grad()
def conv_of(
    layer: FamilyLayer, like: Tensor, arguments: dict[str, Any], weight: Tensor, bias: Tensor | None
) -> nn.Conv2d:
    """Return a convolution of a layer's mode, with tensors of its own.

    Args:
        layer: In training or in evaluation.
        like: One of its parameters (a, b, kh, kw): decides device, type, memory format and whether it learns.
        arguments: Of ``nn.Conv2d``, apart from ``bias``, ``device`` and ``dtype``.
        weight: Filters.
        bias: Bias, or None.
    """
    arguments = arguments | {"bias": bias is not None, "device": like.device, "dtype": like.dtype}
    conv = nn.Conv2d(**arguments)
    conv.weight.copy_(weight)
    if bias is not None and conv.bias is not None:
        conv.bias.copy_(bias)
    conv.requires_grad_(like.requires_grad)
    if like.is_contiguous(memory_format=torch.channels_last) and not like.is_contiguous():
        conv = conv.to(memory_format=torch.channels_last)
    return conv.train(layer.training)

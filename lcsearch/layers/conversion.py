"""Between LinearConv layers and standard ones: from a trained convolution, and to layers of equal output."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lcsearch.layers.arithmetic import feature_macs
from lcsearch.layers.factorized import FactorizedConv2d
from lcsearch.layers.filters import LinearFilters
from lcsearch.layers.fit import fit


@torch.no_grad()
def take(layer: LinearFilters, conv: nn.Conv2d) -> None:
    """Give a layer the filters that are closest to a convolution's, its channel order and its bias.

    Raises:
        ValueError: A weight is NaN or infinite.
    """
    fit(layer, conv.weight.detach().double().cpu())
    layer.take_over(conv)


@torch.no_grad()
def to_conv(layer: LinearFilters) -> nn.Conv2d:
    """Return the equal plain convolution, in the mode and memory format of the layer."""
    conv = nn.Conv2d(**layer.geometry.arguments, **_kind(layer))
    conv.weight.copy_(layer.filters())
    if layer.bias is not None and conv.bias is not None:
        conv.bias.copy_(layer.bias)
    return _like(layer, conv)


@torch.no_grad()
def factorize(layer: LinearFilters) -> nn.Module:
    """Return equal standard layers, in the form that takes fewer multiply-accumulates.

    Returns:
        A plain convolution; or, in a ``FactorizedConv2d``, the primary filters (where the coefficients reach
        across groups, once for each group) and a 1x1 convolution that mixes their outputs.
    """
    if layer.plan.s == 0 or layer.shape.macs <= feature_macs(layer.shape, layer.own_p):
        return to_conv(layer)
    tiles = layer.geometry.groups // layer.banks
    arguments = layer.geometry.arguments | {"out_channels": tiles * layer.plan.p, "bias": False}
    first = nn.Conv2d(**arguments, **_kind(layer))
    first.weight.copy_(layer.primary.repeat(tiles, 1, 1, 1))
    second = nn.Conv2d(
        first.out_channels,
        layer.geometry.out_channels,
        1,
        groups=layer.geometry.groups,
        bias=layer.bias is not None,
        **_kind(layer),
    )
    second.weight.copy_(layer.mixer()[:, :, None, None])
    if layer.bias is not None and second.bias is not None:
        second.bias.copy_(layer.bias)
    return FactorizedConv2d(_like(layer, first), _like(layer, second)).train(layer.training)


def _kind(layer: LinearFilters) -> dict[str, Any]:
    return {"device": layer.primary.device, "dtype": layer.primary.dtype}


def _like(layer: LinearFilters, conv: nn.Conv2d) -> nn.Conv2d:
    """Give a convolution the mode, the trainability and the memory format of a layer."""
    conv.requires_grad_(layer.primary.requires_grad)
    if layer.primary.is_contiguous(memory_format=torch.channels_last) and not layer.primary.is_contiguous():
        conv = conv.to(memory_format=torch.channels_last)
    return conv.train(layer.training)

"""Between LinearConv layers and standard ones: from a trained convolution, and to layers of equal output."""

from __future__ import annotations

import torch
from torch import nn

from lcsearch.layers.arithmetic import feature_macs
from lcsearch.layers.factorized import FactorizedConv2d
from lcsearch.layers.filters import LinearFilters
from lcsearch.layers.fit import fit
from lcsearch.layers.standard import conv_of


@torch.no_grad()
def take(layer: LinearFilters, conv: nn.Conv2d) -> None:
    """Give a layer the filters that are closest to a convolution's, its channel order and its bias.

    Raises:
        ValueError: A weight is NaN or infinite.
    """
    fit(layer, conv.weight.detach().double().cpu())
    layer.take_over(conv)


def to_conv(layer: LinearFilters) -> nn.Conv2d:
    """Return the equal plain convolution, in the mode and memory format of the layer."""
    return conv_of(layer, layer.primary, layer.geometry.arguments, layer.filters(), layer.bias)


@torch.no_grad()
def factorize(layer: LinearFilters) -> nn.Module:
    """Return equal standard layers, in the form that takes fewer multiply-accumulates.

    Returns:
        A plain convolution; or, in a ``FactorizedConv2d``, the primary filters (where the coefficients reach
        across groups, once for each group) and a 1x1 convolution that mixes their outputs.
    """
    if layer.plan.s == 0 or layer.shape.macs <= feature_macs(layer.shape, layer.own_p):
        return to_conv(layer)
    tiles, features = layer.geometry.groups // layer.banks, layer.geometry.groups * layer.own_p
    arguments = layer.geometry.arguments | {"out_channels": features}
    first = conv_of(layer, layer.primary, arguments, layer.primary.repeat(tiles, 1, 1, 1), None)
    arguments = {"in_channels": features, "out_channels": layer.geometry.out_channels, "kernel_size": 1}
    arguments["groups"] = layer.geometry.groups
    second = conv_of(layer, layer.primary, arguments, layer.mixer()[:, :, None, None], layer.bias)
    return FactorizedConv2d(first, second).train(layer.training)

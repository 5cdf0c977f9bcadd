"""Between basis layers and standard ones: from a trained convolution, and to layers of equal output."""

from __future__ import annotations

import torch
from torch import nn

from lcsearch.layers import basis_fit
from lcsearch.layers.basis_filters import BasisFilters
from lcsearch.layers.basis_sizes import feature_macs
from lcsearch.layers.closeness import Target
from lcsearch.layers.factorized import FactorizedConv2d
from lcsearch.layers.standard import conv_of


@torch.no_grad()
def take(layer: BasisFilters, conv: nn.Conv2d) -> None:
    """Give a layer the filters that are closest to a convolution's, and its bias.

    Raises:
        ValueError: A weight is NaN or infinite.
    """
    basis_fit.fit(layer, Target.of(conv))
    layer.take_over(conv)


def filters_for(conv: nn.Conv2d, energy: float) -> int:
    """Return the fewest filters that keep a share of the squares of a convolution's numbers.

    Raises:
        ValueError: The share is not in (0, 1], or a weight is NaN or infinite.
    """
    return basis_fit.filters_for(Target.of(conv).filters, energy)


def kept_by(conv: nn.Conv2d) -> list[float]:
    """Return what share of the squares of a convolution's numbers 1, 2, ... filters keep, up to the most.

    Raises:
        ValueError: A weight is NaN or infinite.
    """
    return basis_fit.kept_by(Target.of(conv).filters)


@torch.no_grad()
def to_conv(layer: BasisFilters) -> nn.Conv2d:
    """Return the equal plain convolution, in the mode and memory format of the layer."""
    conv = conv_of(layer, layer.bank, layer.geometry.arguments, layer.filters(), layer.folded_bias())
    return conv.requires_grad_(layer.mixing.requires_grad)


@torch.no_grad()
def factorize(layer: BasisFilters) -> nn.Module:
    """Return equal standard layers, in the form that takes fewer multiply-accumulates.

    Returns:
        A plain convolution; or, in a ``FactorizedConv2d``, the bank, which trains no more than in the layer,
        and a 1x1 convolution that mixes its outputs, into which a batch norm is folded.
    """
    if layer.shape.macs <= feature_macs(layer.shape, layer.count):
        return to_conv(layer)
    arguments = layer.geometry.arguments | {"out_channels": layer.count}
    first = conv_of(layer, layer.bank, arguments, layer.bank, None)
    arguments = {"in_channels": layer.count, "out_channels": layer.geometry.out_channels, "kernel_size": 1}
    weight = layer.folded_mixing()[:, :, None, None]
    second = conv_of(layer, layer.bank, arguments, weight, layer.folded_bias())
    second.requires_grad_(layer.mixing.requires_grad)
    return FactorizedConv2d(first, second).train(layer.training)

"""Between separable layers and standard ones: from a trained convolution, and to layers of equal output."""

from __future__ import annotations

from math import prod

import torch
from torch import nn

from lcsearch.layers.closeness import Target
from lcsearch.layers.factorized import SeparatedConv2d
from lcsearch.layers.separable_filters import SeparableFilters
from lcsearch.layers.separable_fit import fit
from lcsearch.layers.separable_sizes import feature_macs
from lcsearch.layers.shape import Places
from lcsearch.layers.standard import conv_of


@torch.no_grad()
def take(layer: SeparableFilters, conv: nn.Conv2d) -> None:
    """Give a layer the filters that are closest to a convolution's, and its bias.

    Raises:
        ValueError: A weight is NaN or infinite.
    """
    fit(layer, Target.of(conv))
    layer.take_over(conv)


@torch.no_grad()
def to_conv(layer: SeparableFilters) -> nn.Conv2d:
    """Return the equal plain convolution, in the mode and memory format of the layer."""
    return conv_of(layer, layer.blueprints, layer.geometry.arguments, layer.filters(), layer.bias)


@torch.no_grad()
def factorize(layer: SeparableFilters, places: Places | None) -> nn.Module:
    """Return equal standard layers, in the form that takes fewer multiply-accumulates.

    Args:
        layer: A layer.
        places: Of its feature maps; None for those of large images.

    Returns:
        A plain convolution; or, in a ``SeparatedConv2d``, a 1x1 convolution (where low-rank, two) and one of
        as many groups as there are outputs.
    """
    places = places or Places(given=prod(layer.geometry.stride), made=1)
    if places.made * layer.shape.macs <= feature_macs(layer.shape, layer.terms, layer.rank, places):
        return to_conv(layer)
    g = layer.geometry
    matrices = [layer.mixer()] if layer.row is None else [layer.row, layer.mixer()]
    steps = [
        conv_of(layer, layer.blueprints, _one_by_one(*matrix.shape), matrix[:, :, None, None], None)
        for matrix in matrices
    ]
    arguments = g.arguments | {"in_channels": layer.terms * g.out_channels, "groups": g.out_channels}
    steps.append(conv_of(layer, layer.blueprints, arguments, layer.depthwise(), layer.bias))
    return SeparatedConv2d(*steps).train(layer.training)


def _one_by_one(outputs: int, inputs: int) -> dict[str, int]:
    return {"in_channels": inputs, "out_channels": outputs, "kernel_size": 1}

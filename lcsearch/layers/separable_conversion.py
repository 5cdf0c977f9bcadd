"""Between separable layers and standard ones: from a trained convolution, and to layers of equal output."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

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
        A plain convolution; or, in a ``SeparatedConv2d``, a 1x1 convolution and a depthwise one for each
        term, and where low-rank a 1x1 convolution before them.
    """
    places = places or Places(given=prod(layer.geometry.stride), made=1)
    if places.made * layer.shape.macs <= feature_macs(layer.shape, layer.terms, layer.rank, places):
        return to_conv(layer)
    reduction = None if layer.row is None else _pointwise(layer, layer.row)
    terms = [
        (_pointwise(layer, matrix), _depthwise(layer, blueprint, layer.bias if place == 0 else None))
        for place, (matrix, blueprint) in enumerate(zip(layer.last, layer.blueprints, strict=True))
    ]
    return SeparatedConv2d(reduction, terms).train(layer.training)


def _pointwise(layer: SeparableFilters, matrix: Tensor) -> nn.Conv2d:
    """A 1x1 convolution by a matrix (outputs, inputs)."""
    outputs, inputs = matrix.shape
    arguments = {"in_channels": inputs, "out_channels": outputs, "kernel_size": 1}
    return conv_of(layer, layer.blueprints, arguments, matrix[:, :, None, None], None)


def _depthwise(layer: SeparableFilters, blueprint: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """The depthwise convolution by a blueprint (out, kh, kw)."""
    out = layer.geometry.out_channels
    arguments = layer.geometry.arguments | {"in_channels": out, "groups": out}
    return conv_of(layer, layer.blueprints, arguments, blueprint[:, None], bias)

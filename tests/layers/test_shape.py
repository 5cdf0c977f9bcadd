"""Sizes of plain convolutions, against PyTorch's own."""

from __future__ import annotations

import pytest
from torch import nn

from lcsearch.layers.shape import ConvShape


@pytest.mark.parametrize(
    ("shape", "conv"),
    [
        (ConvShape(6, 10, (3, 5)), nn.Conv2d(6, 10, (3, 5))),
        (ConvShape(6, 10, (1, 2), 2, bias=False), nn.Conv2d(6, 10, (1, 2), groups=2, bias=False)),
        (ConvShape(8, 8, (3, 3), 8), nn.Conv2d(8, 8, 3, groups=8)),
    ],
)
def test_numbers_are_those_of_the_convolution(shape: ConvShape, conv: nn.Conv2d) -> None:
    assert shape.filter_size == conv.weight[0].numel()
    assert shape.bias_size == (0 if conv.bias is None else conv.bias.numel())
    assert shape.params == sum(parameter.numel() for parameter in conv.parameters())
    assert shape.macs == conv.weight.numel(), "one product a weight"

"""The backbone ``base``."""

from __future__ import annotations

from torch import nn

from lcsearch.nets.backbones._blocks import StackedNet

PLAN = (32, 0, 64, 0, 128, 0, 256, 0)


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """Four 3x3 convolutions with batch norm and pooling.

    The small net of the LinearConv paper (arXiv 1907.11432).
    """
    return StackedNet(PLAN, 2, num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build

"""The backbone ``vgg11``."""

from __future__ import annotations

from torch import nn

from lcsearch.nets.backbones._blocks import StackedNet

PLAN = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0)


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """VGG-11: eight 3x3 convolutions with batch norm.

    arXiv 1409.1556 with batch norm, in its form for 32x32 images.
    """
    return StackedNet(PLAN, 1, num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build

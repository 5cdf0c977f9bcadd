"""The backbone ``resnet34``."""

from __future__ import annotations

from torch import nn

from lcsearch.nets.backbones._resnet import ResNet, projected, wide

PLAN = wide(3, 4, 6, 3)


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """ResNet-34: four stages of three to six basic blocks.

    In its form for 32x32 images: without the stem's stride and pooling.
    """
    return ResNet(PLAN, projected, num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build

"""The backbone ``resnet32``."""

from __future__ import annotations

from torch import nn

from lcsearch.nets.backbones._resnet import Padded, ResNet, narrow

PLAN = narrow(5)


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """ResNet-32: three thin stages of five basic blocks.

    As published for CIFAR, with shortcuts that pad channels.
    """
    return ResNet(PLAN, Padded, num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build

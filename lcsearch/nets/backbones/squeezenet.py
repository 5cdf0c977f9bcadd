"""The backbone ``squeezenet``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.nets.backbones._blocks import scaled

# Channels of the squeeze and of each of the two expand convolutions; None is a 2x2 max-pooling.
PLAN = (
    (16, 64),
    (16, 64),
    (32, 128),
    None,
    (32, 128),
    (48, 192),
    (48, 192),
    (64, 256),
    None,
    (64, 256),
)


def _conv_bn_relu(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class Fire(nn.Module):
    """1x1 to few channels, then 1x1 and 3x3 convolutions side by side."""

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = _conv_bn_relu(in_channels, squeeze, 1)
        self.expand1x1 = _conv_bn_relu(squeeze, expand, 1)
        self.expand3x3 = _conv_bn_relu(squeeze, expand, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, in, h, w) to (b, 2 * expand, h, w)."""
        squeezed = self.squeeze(x)
        return torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], dim=1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.0 (arXiv 1602.07360) with a 3x3 stem and batch norm; the classes are channels."""

    def __init__(self, *, num_classes: int, in_channels: int, width: float) -> None:
        super().__init__()
        channels = scaled(96, width)
        self.stem = nn.Sequential(_conv_bn_relu(in_channels, channels, 3), nn.MaxPool2d(2, ceil_mode=True))
        layers: list[nn.Module] = []
        for entry in PLAN:
            if entry is None:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
                continue
            squeeze, expand = scaled(entry[0], width), scaled(entry[1], width)
            layers.append(Fire(channels, squeeze, expand))
            channels = 2 * expand
        self.fires = nn.Sequential(*layers)
        self.classifier = nn.Conv2d(channels, num_classes, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (b, c, h, w) to logits (b, num_classes)."""
        return torch.flatten(self.pool(self.classifier(self.fires(self.stem(images)))), 1)


def build(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """SqueezeNet: eight fire modules with batch norm.

    In its form for 32x32 images.
    """
    return SqueezeNet(num_classes=num_classes, in_channels=in_channels, width=width)


BACKBONE = build

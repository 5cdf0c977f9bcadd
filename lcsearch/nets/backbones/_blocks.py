"""Pieces that several backbones share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def scaled(channels: int, width: float) -> int:
    """Return a channel count times the width factor, rounded, at least 1."""
    return max(1, round(channels * width))


def conv_bn(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution without bias that keeps the image size at stride 1, then batch norm."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def head(in_features: int, num_classes: int) -> nn.Sequential:
    """Average each channel over the image, then one linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_features, num_classes))


class StackedNet(nn.Module):
    """3x3 convolutions, each with bias, batch norm and ReLU, and max-pooling between; then one linear layer.

    Pooling comes before the ReLU, which gives the same outputs and gradients and touches a quarter of the
    numbers. It rounds odd sizes up, and the last feature map is averaged to ``pooled`` x ``pooled``, so the
    net takes images of any size and is the published one at 32x32.

    Args:
        plan: Channel counts; 0 is a 2x2 max-pooling.
        pooled: Side of the feature map that the linear layer sees.
        num_classes: Outputs.
        in_channels: Channels of the images.
        width: Factor on every channel count.
    """

    def __init__(
        self, plan: Sequence[int], pooled: int, *, num_classes: int, in_channels: int, width: float
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for entry in plan:
            if entry == 0:
                layers.insert(-1, nn.MaxPool2d(2, ceil_mode=True))
                continue
            out = scaled(entry, width)
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
            channels = out
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(pooled)
        self.classifier = nn.Linear(channels * pooled * pooled, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (b, c, h, w) to logits (b, num_classes)."""
        features: Tensor = self.classifier(torch.flatten(self.pool(self.features(images)), 1))
        return features

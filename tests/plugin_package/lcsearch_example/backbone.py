"""A backbone: three convolutions."""

from __future__ import annotations

from torch import nn


def three(*, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """Three convolutions with batch norm."""
    channels = [max(1, round(width * c)) for c in (8, 16, 16)]
    layers: list[nn.Module] = []
    for before, after, stride in zip([in_channels, *channels], channels, (1, 2, 2), strict=False):
        conv = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], num_classes))

"""A tiny backbone (3,778 parameters for one channel and 10 classes) that recorded runs were made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """Three 3x3 convolutions with batch norm, the last one residual, then one linear layer."""

    def __init__(self, num_classes: int, in_channels: int, width: float) -> None:
        super().__init__()
        a, b = max(1, round(8 * width)), max(1, round(16 * width))
        self.first = nn.Conv2d(in_channels, a, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(a)
        self.second = nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(b)
        self.third = nn.Conv2d(b, b, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(b)
        self.head = nn.Linear(b, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Score images (n, in_channels, h, w)."""
        x = torch.relu(self.norm1(self.first(images)))
        x = torch.relu(self.norm2(self.second(x)))
        x = torch.relu(x + self.norm3(self.third(x)))
        return self.head(x.mean((2, 3)))


def make(num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """The backbone, named to a search as ``old_net:make``."""
    return Net(num_classes, in_channels, width)

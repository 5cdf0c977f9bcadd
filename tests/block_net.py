"""A net of equal blocks, whose layers can share filters."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions past which the input goes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class Blocks(nn.Module):
    """A stem, then four blocks, of which the first shares with nobody."""

    def __init__(self, channels: int = 8, inputs: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(inputs, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(4)))
        self.head = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def blocks(num_classes: int, in_channels: int) -> nn.Module:
    """As ``--backbone block_net:blocks`` names it."""
    return Blocks(inputs=in_channels, classes=num_classes)

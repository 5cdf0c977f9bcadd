"""A small net with every kind of state that a training has."""

from __future__ import annotations

import torch
from torch import nn

from lcsearch.layers import LinearConv2d


def make_net(channels: int = 1) -> nn.Module:
    """Every kind of state at once: batch norm, dropout, all three kinds of coefficients."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        LinearConv2d(8, 16, 3, padding=1, alpha=0.5, sparsity=0.5),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.2),
        LinearConv2d(16, 16, 3, padding=1, alpha=0.25, rank=2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        LinearConv2d(16, 16, 3, padding=1, alpha=0.25),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )

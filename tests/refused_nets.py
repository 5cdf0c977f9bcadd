"""Nets that no search can take, each for one reason."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Small(nn.Module):
    """Two convolutions and a head."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, 12, 3, padding=1)
        self.second = nn.Conv2d(12, 16, 3, padding=1)
        self.head = nn.Linear(16, num_classes)

    def features(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu()).relu()

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x).mean((2, 3)))


def twice_the_outputs(num_classes: int, in_channels: int) -> nn.Module:
    return Small(2 * num_classes, in_channels)


def nothing_finite(num_classes: int, in_channels: int) -> nn.Module:
    class Net(Small):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x).sub(1e4).exp().log()

    return Net(num_classes, in_channels)


def scripted(num_classes: int, in_channels: int) -> nn.Module:
    return torch.jit.trace(Small(num_classes, in_channels), torch.zeros(1, in_channels, 8, 8))  # type: ignore[no-any-return]


def a_map_of_scores(num_classes: int, in_channels: int) -> nn.Module:
    class Net(Small):
        def forward(self, x: Tensor) -> Any:
            return self.features(x)[:, : self.head.out_features]

    return Net(num_classes, in_channels)


def a_number(num_classes: int, in_channels: int) -> nn.Module:
    class Net(Small):
        def forward(self, x: Tensor) -> Any:
            return 7

    return Net(num_classes, in_channels)


def other_channels(num_classes: int, in_channels: int) -> nn.Module:
    return Small(num_classes, in_channels + 2)


def no_gradient(num_classes: int, in_channels: int) -> nn.Module:
    class Net(Small):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x).detach()

    return Net(num_classes, in_channels)

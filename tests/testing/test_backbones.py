from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core import plugins
from lcsearch.nets.backbones import find
from lcsearch.testing import check_backbone

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", plugins.names(plugins.BACKBONE))
def test_ours_keep_the_contract(name: str) -> None:
    check_backbone(find(name))


def test_torchvisions_keep_it() -> None:
    check_backbone(find("torchvision:resnet18"), image_size=33)


class Small(nn.Module):
    """One convolution and a linear layer; tests break it."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 8, 3)
        self.head = nn.Linear(8, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.conv(images).mean((2, 3)))
        return logits


def test_a_class_and_a_small_net_keep_it() -> None:
    check_backbone(Small)  # type: ignore[arg-type]


class NoConvolution(Small):
    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(num_classes, in_channels)
        self.conv = nn.Identity()  # type: ignore[assignment]
        self.head = nn.Linear(in_channels, num_classes)


class Unused(Small):
    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(num_classes, in_channels)
        self.unused = nn.Linear(2, 2)


class ElsewhereOnTheMetaDevice(Small):
    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(num_classes, in_channels)
        self.conv = nn.Conv2d(in_channels, 8, 3, device="cpu")


class Forgetful(Small):
    """Keeps a number that state_dict does not hold."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(num_classes, in_channels)
        self.scale = torch.rand(())

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * self.scale


def always_ten(num_classes: int, in_channels: int) -> nn.Module:
    return Small(10, in_channels)


def one_channel(num_classes: int, in_channels: int) -> nn.Module:
    return Small(num_classes, 1)


def ignores_the_width(num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    return Small(num_classes, in_channels)


SHARED = nn.Conv2d(3, 8, 3)


def shares(num_classes: int, in_channels: int) -> nn.Module:
    model = Small(num_classes, in_channels)
    if in_channels == 3 and torch.get_default_device().type == "cpu":
        model.conv = SHARED
    return model


@pytest.mark.parametrize(
    ("backbone", "complaint"),
    [
        (NoConvolution, "no nn.Conv2d that could be compressed"),
        (Unused, "a training step gives unused.weight no gradient"),
        (ElsewhereOnTheMetaDevice, "ignores torch's default device"),
        (Forgetful, "with the same state_dict two nets give different logits"),
        (always_ten, r"2 classes give logits of shape \(2, 10\), not \(2, 2\)"),
        (one_channel, r"run on images \(2, 3, 32, 32\): RuntimeError"),
        (ignores_the_width, "its parameters do not grow with it"),
        (shares, "two calls return nets that share parameters"),
        (lambda num_classes: None, "called with num_classes=2, in_channels=1, width=1: InputError"),
    ],
)
def test_what_breaks_it_is_said(backbone: Any, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_backbone(backbone)

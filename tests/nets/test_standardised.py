"""Convolutions with scaled weight standardisation, whose filters PyTorch's batch norm makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.standardised import make_ordinary, ordinary_state, ordinary_words
from lcsearch.nets.weights import read_weights


class ScaledStd(nn.Conv2d):
    """As timm has it."""

    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.scale, self.eps = self.weight[0].numel() ** -0.5, 1e-6
        self.gain = nn.Parameter(torch.rand(self.out_channels, 1, 1, 1) + 0.5)

    def forward(self, images: Tensor) -> Tensor:
        rows = self.weight.reshape(1, self.out_channels, -1)
        factor = (self.gain * self.scale).view(-1)
        made = F.batch_norm(rows, None, None, weight=factor, training=True, momentum=0.0, eps=self.eps)
        return self._conv_forward(images, made.reshape_as(self.weight), self.bias)


class WithOwnPadding(ScaledStd):
    """A subclass, which does more."""


def net(kind: type[ScaledStd] = ScaledStd) -> nn.Sequential:
    first = kind(3, 8, 3, padding=1, stride=2)
    second = kind(8, 12, 3, padding=2, dilation=2, groups=4, bias=False)
    return nn.Sequential(first, nn.ReLU(), second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5))


def test_an_ordinary_net_computes_the_same_and_is_searched() -> None:
    theirs, images = net(), torch.randn(2, 3, 16, 16)
    expected = theirs(images)
    assert not conv_layers(theirs)
    ours = make_ordinary(theirs, ScaledStd)
    torch.testing.assert_close(ours(images), expected)
    assert list(conv_layers(ours)) == ["0", "2"]
    assert ordinary_words(ours) == (
        "2 convolutions with weight standardisation have become ordinary ones, with the same filters"
    )
    assert ordinary_words(nn.Sequential(nn.Conv2d(3, 4, 1))) is None


def test_subclasses_stay_as_they_are() -> None:
    assert not conv_layers(make_ordinary(net(WithOwnPadding), ScaledStd))


def test_a_file_of_the_net_as_it_was_written_is_read(tmp_path: Path) -> None:
    theirs, ours, images = net(), make_ordinary(net(), ScaledStd), torch.randn(2, 3, 16, 16)
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "theirs.pt")
    ours.load_state_dict(read_weights(tmp_path / "theirs.pt", ours).state)
    torch.testing.assert_close(ours(images), theirs(images))


def test_a_file_of_the_ordinary_net_is_read_as_it_is() -> None:
    ours = make_ordinary(net(), ScaledStd)
    found = ordinary_state(ours.state_dict(), ours)
    assert {name: value.tolist() for name, value in found.items()} == {
        name: value.tolist() for name, value in ours.state_dict().items()
    }


def test_a_net_without_values_has_its_shapes() -> None:
    with torch.device("meta"):
        ours = make_ordinary(net(), ScaledStd)
    assert ours[0].weight.shape == (8, 3, 3, 3) and ours[0].weight.is_meta

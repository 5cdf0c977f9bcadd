"""Convolutions with weight standardisation, whose filters PyTorch's batch norm makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.nets.replaceable import conv_layers, left_plain
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


class Std(nn.Conv2d):
    """As timm has it, without gains; it may pad by the size of the image."""

    def __init__(self, *sizes: int, same_pad: bool = False, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.eps, self.same_pad = 1e-3, same_pad

    def forward(self, images: Tensor) -> Tensor:
        rows = self.weight.reshape(1, self.out_channels, -1)
        made = F.batch_norm(rows, None, None, training=True, momentum=0.0, eps=self.eps)
        return self._conv_forward(images, made.reshape_as(self.weight), self.bias)


class WithOwnPadding(ScaledStd):
    """A subclass, which does more."""


def net(kind: type[nn.Conv2d] = ScaledStd) -> nn.Sequential:
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


def test_filters_without_gains_are_found_by_the_net_s_buffer(tmp_path: Path) -> None:
    theirs, ours, images = net(Std), make_ordinary(net(Std), Std), torch.randn(2, 3, 16, 16)
    assert list(conv_layers(ours)) == ["0", "2"] and not conv_layers(theirs)
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    ours.load_state_dict(read_weights(tmp_path / "theirs.pt", ours).state)
    torch.testing.assert_close(ours(images), theirs(images))
    with torch.no_grad():
        ours[0].weight.mul_(3).add_(1)  # as training may
    expected = ours(images)
    torch.save(ours.state_dict(), tmp_path / "ours.pt")
    again = make_ordinary(net(Std), Std)
    again.load_state_dict(read_weights(tmp_path / "ours.pt", again).state)
    assert torch.equal(again(images), expected)


def test_fresh_filters_without_gains_keep_the_scale_of_their_inputs() -> None:
    conv = Std(64, 512, 3, bias=False)
    conv.eps = 1e-8
    ours = make_ordinary(nn.Sequential(conv), Std)
    answers = ours(torch.randn(4, 64, 12, 12))
    assert 0.9 < float(answers.detach().std()) < 1.1
    assert list(dict(ours.named_parameters())) == ["0.weight"]


def test_what_pads_by_the_size_of_the_image_stays_as_it_is() -> None:
    theirs = nn.Sequential(Std(3, 8, 3, same_pad=True), Std(8, 8, 1), Std(8, 8, 1, stride=2, same_pad=True))
    ours = make_ordinary(theirs, Std)
    assert list(conv_layers(ours)) == ["1", "2"]
    assert [(one.name, one.why) for one in left_plain(ours)] == [("0", "Std has a forward of its own")]
    given = ordinary_state({"0.weight": theirs[0].weight.detach()}, ours)
    assert torch.equal(given["0.weight"], theirs[0].weight)

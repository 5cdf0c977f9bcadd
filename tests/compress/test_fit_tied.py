"""Layers that stand for convolutions of one weight are fitted once, when the first of them is called."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress import fit
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.sensitivity import measure
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_conv import LinearConv2d
from lcsearch.nets.replaceable import conv_layers


class Backwards(nn.Module):
    """Calls the convolution that it registered last first; both have one weight."""

    def __init__(self, rank: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.late = nn.Conv2d(16, 16, 3, padding=1)
        self.early = nn.Conv2d(16, 16, 3, padding=1)
        with torch.no_grad():
            self.late.weight.copy_((torch.randn(16, rank) @ torch.randn(rank, 144) / 12).view(16, 16, 3, 3))
        self.early.weight = self.late.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.late(self.early(self.stem(x).relu()).relu())
        return x.mean((2, 3))


def images() -> Tensor:
    return torch.randn(32, 3, 8, 8)


def error(small: nn.Module, plain: nn.Module, x: Tensor) -> float:
    with torch.no_grad():
        return float((small(x) - plain(x)).norm() / plain(x).norm())


@pytest.mark.parametrize("how", ["responses", "filters"])
def test_what_a_layer_can_be_it_becomes_under_either_name(how: fit.How) -> None:
    torch.manual_seed(0)
    net, x = Backwards(rank=4), images()
    for name in ("early", "late"):
        small = compress_trained(net, {name: LinearSpec(0.25)}, x, how=how)
        assert isinstance(small.late, LinearConv2d) and small.early.primary is small.late.primary
        assert error(small, net, x) < 1e-3


def test_filters_are_those_of_the_first_call_alone_and_each_bias_is_fitted_at_its_own() -> None:
    torch.manual_seed(0)
    net, x = Backwards(), images()
    small = compress_trained(net, {"late": LinearSpec(0.25)}, x)
    apart = copy.deepcopy(net)
    apart.late.weight = nn.Parameter(net.late.weight.detach().clone())
    first = compress_trained(apart, {"early": LinearSpec(0.25)}, x)
    assert torch.equal(small.late.weight, first.early.weight)
    for name in ("early", "late"):
        means = [_heard(model, name, x).mean((0, 2, 3)) for model in (small, net)]
        assert torch.allclose(*means, atol=1e-4)


def test_one_bias_takes_up_what_is_left_once() -> None:
    torch.manual_seed(0)
    net, x = Backwards(), images()
    net.early.bias = net.late.bias
    small = compress_trained(net, {"late": LinearSpec(0.25)}, x)
    assert small.early.bias is small.late.bias
    means = [_heard(model, "early", x).mean((0, 2, 3)) for model in (small, net)]
    assert torch.allclose(*means, atol=1e-4)


def test_the_loss_of_one_of_them_alone_is_not_measured() -> None:
    torch.manual_seed(0)
    pixels, labels = torch.randint(256, (400, 3, 8, 8)).byte(), torch.randint(16, (400,))
    info = DatasetInfo("noise", 16, 3, 8, (0.5,) * 3, (0.3,) * 3, False, 0)
    data = SearchData(info, Split(pixels, labels), Split(pixels, labels))
    net = Backwards().eval()
    rows = measure(net, list(conv_layers(net)), data).rows
    assert {row.layer for row in rows} == {"stem"}


def _heard(model: nn.Module, name: str, x: Tensor) -> Tensor:
    heard: list[Tensor] = []
    handle = model.get_submodule(name).register_forward_hook(lambda module, given, out: heard.append(out))
    with torch.no_grad():
        model(x)
    handle.remove()
    return heard[0]

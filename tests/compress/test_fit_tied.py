"""Layers that stand for convolutions of one weight are fitted once, when the first of them is called."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress import fit
from lcsearch.compress.fit import FIT_IMAGES, compress_trained
from lcsearch.compress.sensitivity import measure
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers import lookup
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_conv import LinearConv2d


class Backwards(nn.Module):
    """Calls the convolution that it registered last first; both have one weight."""

    def __init__(self, rank: int = 16, *, bias: bool = True) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.late = nn.Conv2d(16, 16, 3, padding=1, bias=bias)
        self.early = nn.Conv2d(16, 16, 3, padding=1, bias=bias)
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


@pytest.mark.parametrize(("bias", "near"), [(False, 1e-3), (True, 0.2)])
def test_what_they_lose_together_is_measured_under_the_name_of_the_first(bias: bool, near: float) -> None:
    """Biases of a whole model are fitted behind the compressed layers before, which alters it a little."""
    torch.manual_seed(0)
    pixels, labels = torch.randint(256, (400, 3, 8, 8)).byte(), torch.randint(16, (400,))
    info = DatasetInfo("noise", 16, 3, 8, (0.5,) * 3, (0.3,) * 3, False, 0)
    data = SearchData(info, Split(pixels, labels), Split(pixels, labels))
    net = Backwards(bias=bias).eval()
    (row,) = measure(net, ["late"], data, ways=lambda shape: [*lookup.ways(shape)][:1]).rows
    fitted, judged = ((pixels / 255 - 0.5) / 0.3).split([FIT_IMAGES, 400 - FIT_IMAGES])
    together = compress_trained(net, {"late": row.way.spec}, fitted)
    assert row.layer == "late"
    assert row.divergence == pytest.approx(divergence(together, net, judged), rel=near)
    for name in ("early", "late"):
        apart = copy.deepcopy(net)
        getattr(apart, name).weight = nn.Parameter(net.late.weight.detach().clone())
        alone = compress_trained(apart, {name: row.way.spec}, fitted)
        assert row.divergence != pytest.approx(divergence(alone, net, judged), rel=0.3)


@torch.no_grad()
def divergence(model: nn.Module, plain: nn.Module, x: Tensor) -> float:
    """Mean Kullback-Leibler divergence of what a model believes from what the plain one does."""
    believed, other = plain(x).softmax(1), model(x).softmax(1)
    return float((believed * (believed / other).log()).sum(1).mean())


def _heard(model: nn.Module, name: str, x: Tensor) -> Tensor:
    heard: list[Tensor] = []
    handle = model.get_submodule(name).register_forward_hook(lambda module, given, out: heard.append(out))
    with torch.no_grad():
        model(x)
    handle.remove()
    return heard[0]

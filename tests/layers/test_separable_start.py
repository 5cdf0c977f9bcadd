"""How separable layers start: filters and outputs as large as those of the convolutions they replace."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from lcsearch.layers import SeparableConv2d
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.layers.initialization import init_mixing
from lcsearch.nets import backbones
from lcsearch.nets.replaceable import conv_layers, shape_of
from lcsearch.nets.surgery import convert

WIDTHS = {"vgg11": 0.125, "resnet18": 0.125, "base": 0.5}


@pytest.mark.parametrize(("terms", "rank"), [(1, None), (4, None), (1, 3), (4, 3)])
def test_rows_of_the_mixing_have_norm_one(terms: int, rank: int | None) -> None:
    torch.manual_seed(0)
    layer = SeparableConv2d(12, 40, 3, terms=terms, rank=rank)
    torch.testing.assert_close(layer.matrices().detach().norm(dim=-1), torch.ones(terms, 40))
    assert layer.matrices().mean(1).abs().max() < 0.2, "they point anywhere"


@pytest.mark.parametrize(("rank", "depth"), [(1, 8), (3, 8), (7, 8), (8, 8), (1, 1), (1, 3)])
def test_rows_of_low_rank_are_orthonormal_and_keep_the_mean_of_the_channels(rank: int, depth: int) -> None:
    torch.manual_seed(0)
    row, column = torch.empty(rank, depth, dtype=torch.float64), torch.empty(1, 5, rank)
    kept = []
    for _ in range(20):
        init_mixing(None, column, row)
        torch.testing.assert_close(row @ row.T, torch.eye(rank).double(), rtol=1e-5, atol=1e-5)
        kept.append(row.sum(1).square())
    torch.testing.assert_close(
        torch.stack(kept).sum(1), torch.full((20,), float(rank)).double(), rtol=1e-5, atol=0
    )
    if 1 < rank < depth:
        assert torch.stack(kept).std(0).min() > 0.1, "no row is set apart"


@pytest.mark.parametrize("scale", [0.1, 7.0])
def test_match_scale_gives_the_size_and_the_bias_of_a_convolution(scale: float) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 12, 3)
    conv.weight.data.mul_(scale)
    for terms, rank in ((1, None), (3, 2)):
        layer = SeparableConv2d(8, 12, 3, terms=terms, rank=rank)
        layer.match_scale(conv)
        torch.testing.assert_close(layer.weight.square().mean(), conv.weight.square().mean())
        assert torch.equal(layer.bias, conv.bias)
        before = layer.blueprints.detach().clone()
        layer.match_scale(nn.init.zeros_(conv.weight) is None or conv)
        assert torch.equal(layer.blueprints, before), "zeros have no scale"
        conv.reset_parameters()


@torch.no_grad()
def deviations(net: nn.Module, x: Tensor) -> list[float]:
    """Standard deviation of the input of every batch norm before training, in module order."""
    found: list[float] = []
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda _, images: found.append(float(images[0].std())))
    net(x)
    return found


def build(backbone: str, seed: int, terms: int = 0, rank: int | None = None) -> nn.Module:
    torch.manual_seed(seed)
    net = backbones.build(backbone, num_classes=10, in_channels=1, width=WIDTHS[backbone])
    specs = {}
    for name, conv in conv_layers(net).items():
        shape = shape_of(conv)
        if terms and shape.kernel != (1, 1):
            most = min(shape.in_channels, terms * shape.out_channels)
            specs[name] = SeparableSpec(terms, None if rank is None else min(rank, most))
    return convert(net, specs, keep_hopeless=True)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", WIDTHS)
def test_what_batch_norms_see_is_half_to_twice_what_they_see_of_the_plain_net(backbone: str) -> None:
    x = torch.rand(16, 1, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.3
    x = nn.functional.avg_pool2d(x, 3, 1, 1) * 4  # neighbours alike, as in images
    several = zip(*(deviations(build(backbone, seed), x) for seed in range(4)), strict=True)
    plain = [sum(values) / len(values) for values in several]
    for seed, (terms, rank) in enumerate(itertools.product((1, 2, 5, 9), (None, 1, 2, 6))):
        found = deviations(build(backbone, seed, terms, rank), x)
        ratios = [value / base for value, base in zip(found, plain, strict=True)]
        assert len(found) == len(plain) and 0.5 <= min(ratios) <= max(ratios) <= 2, (terms, rank, ratios)


def test_directions_are_drawn_whatever_the_usual_type_is() -> None:
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.bfloat16)  # which PyTorch cannot factorize matrices in
        row = SeparableConv2d(8, 12, 3, rank=3).row.detach().float()
    finally:
        torch.set_default_dtype(before)
    torch.testing.assert_close(row @ row.T, torch.eye(3), rtol=0.02, atol=0.02)

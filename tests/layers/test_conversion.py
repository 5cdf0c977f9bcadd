"""to_conv, factorize and from_conv."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from lcsearch.layers import LinearConv2d, prune_coefficients

GRID: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 1, "stride": 2, "bias": False},
    {"kernel_size": (3, 5), "padding": (2, 1), "groups": 2},
    {"kernel_size": 3, "padding": "same", "dilation": 2, "groups": 4, "padding_mode": "circular"},
    {"kernel_size": 3, "padding": 1, "padding_mode": "reflect", "groups": 8},
]
KINDS: list[dict[str, Any]] = [
    {"alpha": 0.125},
    {"alpha": 0.5, "rank": 2},
    {"alpha": 0.5, "sparsity": 0.6},
    {"alpha": 1.0},
]


def filter_error(conv: nn.Conv2d, **options: Any) -> float:
    made = LinearConv2d.from_conv(conv, **options).to_conv().weight
    return float((made - conv.weight).detach().norm() / conv.weight.detach().norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("options", GRID, ids=str)
def test_standard_layers_give_the_same_output(
    options: dict[str, Any], kind: dict[str, Any], layout: Any, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    layers = [
        LinearConv2d(8, 16, **options, **kind, dtype=dtype),
        LinearConv2d.from_conv(nn.Conv2d(8, 16, **options, dtype=dtype), **kind),
    ]
    x = torch.randn(2, 8, 9, 10, dtype=dtype).contiguous(memory_format=layout)
    for layer in layers:
        prune_coefficients(layer, 1.0)
        layer = layer.to(memory_format=layout)
        expected = layer(x)
        for made in (layer.to_conv(), layer.factorize()):
            assert not any(isinstance(module, LinearConv2d) for module in made.modules())
            assert (made(x) - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("learns", [True, False])
def test_standard_layers_keep_mode_type_and_layout(learns: bool, layout: Any) -> None:
    layer = LinearConv2d(16, 32, 3, alpha=0.25, dtype=torch.float64, device="cpu")
    layer.to(memory_format=layout).train(learns).requires_grad_(learns)
    for made in (layer.to_conv(), *layer.factorize().modules()):
        assert made.training is learns
        for name, value in made.named_parameters():
            assert (value.dtype, value.device.type) == (torch.float64, "cpu")
            assert value.requires_grad is learns
            assert value.dim() == 1 or value.is_contiguous(memory_format=layout), name
    empty = LinearConv2d(16, 32, 3, alpha=0.25, device="meta")
    assert empty.to_conv().weight.is_meta


def test_factorize_takes_the_form_with_fewer_products() -> None:
    thin = LinearConv2d(64, 64, 3, padding=1, alpha=0.25).factorize()
    assert isinstance(thin, nn.Sequential)
    assert [tuple(conv.weight.shape) for conv in thin] == [(16, 64, 3, 3), (64, 16, 1, 1)]
    assert isinstance(LinearConv2d(8, 64, 1, alpha=0.5).factorize(), nn.Conv2d)
    assert isinstance(LinearConv2d(64, 64, 3, groups=64, alpha=0.5).factorize(), nn.Conv2d)
    assert isinstance(LinearConv2d(8, 8, 3, alpha=1.0).factorize(), nn.Conv2d)


@pytest.mark.parametrize("groups", [1, 4])
def test_filter_error_falls_to_zero_at_alpha_one(groups: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 24, 3, groups=groups).double()
    errors = [filter_error(conv, alpha=n / 24) for n in range(1, 25)]
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(errors))
    assert errors[-1] == 0.0 < errors[11]


def test_filters_that_are_combinations_of_four_are_found() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 16, 3).double()
    with torch.no_grad():
        basis = torch.randn(4, 72, dtype=torch.float64)
        conv.weight.copy_((torch.randn(16, 4, dtype=torch.float64) @ basis).view_as(conv.weight))
    assert filter_error(conv, alpha=0.25) < 1e-12


def pivoted_error(weight: np.ndarray, p: int, rank: int | None) -> float:
    """Error of the textbook way: primaries by pivoted QR, coefficients by (reduced-rank) least squares."""
    places = scipy.linalg.qr(weight.T, mode="r", pivoting=True)[1]
    primary, secondary = weight[places[:p]], weight[places[p:]]
    q, _ = np.linalg.qr(primary.T)
    inside = secondary @ q
    outside = ((secondary - inside @ q.T) ** 2).sum()
    sizes = np.linalg.svd(inside, compute_uv=False)
    lost = (sizes[rank:] ** 2).sum() if rank is not None else 0.0
    return float(np.sqrt(outside + lost) / np.linalg.norm(weight))


@pytest.mark.parametrize("rank", [None, 1, 3, 6])
@pytest.mark.parametrize("alpha", [0.125, 0.25, 0.5])
def test_the_filters_are_closer_than_pivoted_qr_and_least_squares_make_them(
    alpha: float, rank: int | None
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 48, 3).double()
    weight = conv.weight.detach().flatten(1).numpy()
    textbook = pivoted_error(weight, round(48 * alpha), rank)
    assert filter_error(conv, alpha=alpha, rank=rank) < 0.995 * textbook


def test_full_coefficients_reach_the_best_approximation_of_their_rank() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 24, 3).double()
    sizes = np.linalg.svd(conv.weight.detach().flatten(1).numpy(), compute_uv=False)
    best = np.sqrt((sizes[6:] ** 2).sum() / (sizes**2).sum())
    assert filter_error(conv, alpha=0.25) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("kind", [{}, {"rank": 2}], ids=str)
def test_each_group_is_fitted_as_if_it_were_alone(kind: dict[str, Any]) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 24, 3, groups=2).double()
    both = LinearConv2d.from_conv(conv, alpha=0.5, per_group=True, **kind).to_conv().weight
    for group in range(2):
        alone = nn.Conv2d(4, 12, 3).double()
        with torch.no_grad():
            alone.weight.copy_(conv.weight[12 * group : 12 * (group + 1)])
        own = LinearConv2d.from_conv(alone, alpha=0.5, **kind).to_conv().weight
        torch.testing.assert_close(both[12 * group : 12 * (group + 1)], own, rtol=0, atol=1e-9)


def test_sparse_coefficients_keep_the_exact_number_and_stay() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 24, 3)
    layer = LinearConv2d.from_conv(conv, alpha=0.5, sparsity=0.7).train()
    before = layer.mask.clone()
    assert before.sum() == 144 - round(0.7 * 144)
    prune_coefficients(layer, 0.0)
    prune_coefficients(layer, 1.0)
    assert torch.equal(layer.mask, before)
    assert 0 < filter_error(conv, alpha=0.5) < filter_error(conv, alpha=0.5, sparsity=0.7) < 1


@pytest.mark.parametrize("per_group", [False, True])
def test_bias_channel_order_mode_and_dtype_are_kept(per_group: bool) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 16, 3, groups=2).double().eval()
    layer = LinearConv2d.from_conv(conv, alpha=1.0, per_group=per_group)
    assert not layer.training
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), conv(x), rtol=0, atol=1e-12)


def test_only_plain_convolutions_with_values_are_taken() -> None:
    wrong: list[tuple[Any, str]] = [
        (nn.ConvTranspose2d(8, 8, 3), "transposed"),
        (nn.LazyConv2d(8, 3), "lazy"),
        (nn.Conv1d(8, 8, 3), "nn.Conv2d"),
        (nn.Linear(8, 8), "nn.Conv2d"),
        (nn.Conv2d(8, 8, 3, device="meta"), "meta"),
        (nn.Conv2d(8, 8, 3, dtype=torch.complex64), "complex64"),
        (torch.ao.nn.quantized.Conv2d(8, 8, 3), "quantised"),
    ]
    for module, word in wrong:
        with pytest.raises(TypeError, match=word):
            LinearConv2d.from_conv(module, alpha=0.5)
    broken = nn.Conv2d(8, 8, 3)
    nn.init.constant_(broken.weight, torch.nan)
    with pytest.raises(ValueError, match="NaN"):
        LinearConv2d.from_conv(broken, alpha=0.5)

"""The layer against its definition, written out with loops that share no code with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from layer_checks import check_derivatives
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.layers import LinearConv2d, lookup, prune_coefficients
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.models import undecayed

KINDS: list[dict[str, Any]] = [
    {"alpha": 0.25},
    {"alpha": 0.5, "rank": 2},
    {"alpha": 0.5, "rank_ratio": 1.0},
    {"alpha": 0.5, "sparsity": 0.6},
    {"alpha": 1.0},
    {"alpha": 0.01},
]
GEOMETRIES: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 1, "bias": False},
    {"kernel_size": (3, 5), "padding": (2, 1), "stride": (2, 1), "groups": 2},
    {"kernel_size": 3, "padding": "same", "dilation": 2, "groups": 4},
    {"kernel_size": (2, 4), "padding": "same", "padding_mode": "circular", "bias": False},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect", "stride": 2},
    {"kernel_size": 3, "padding": 1, "padding_mode": "replicate", "groups": 8},
    {"kernel_size": (1, 3), "padding": "valid", "padding_mode": "circular", "dilation": (1, 2)},
]


def published_filters(layer: LinearConv2d) -> Tensor:
    """[V; A V] in float64, one filter after the other, each put at its output channel."""
    layer = layer.double()
    if layer.coefficients is None:
        matrices = [
            c @ r for c, r in zip(layer.column.chunk(layer.banks), layer.row.chunk(layer.banks), strict=True)
        ]
    else:
        kept = layer.coefficients if layer.mask is None else layer.coefficients * layer.mask.double()
        matrices = list(kept.chunk(layer.banks)) if len(kept) else [kept] * layer.banks
    made = []
    for primaries, matrix in zip(layer.primary.chunk(layer.banks), matrices, strict=True):
        made += list(primaries)
        made += [sum(a * v for a, v in zip(row, primaries, strict=True)) for row in matrix]
    filters = torch.empty(len(made), *layer.primary.shape[1:], dtype=torch.float64)
    for place, one in zip(layer.order.tolist(), made, strict=True):
        filters[place] = one.detach()
    return filters


def plain(layer: LinearConv2d, options: dict[str, Any]) -> nn.Conv2d:
    conv = nn.Conv2d(8, 16, **options).double()
    with torch.no_grad():
        conv.weight.copy_(published_filters(layer))
        if conv.bias is not None:
            conv.bias.copy_(layer.bias)
    return conv


@pytest.mark.parametrize("compute", ["weight", "feature", "auto"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
def test_output_is_that_of_the_published_filters(
    options: dict[str, Any], kind: dict[str, Any], compute: Any
) -> None:
    torch.manual_seed(0)
    layer = LinearConv2d(8, 16, **options, **kind, compute=compute)
    prune_coefficients(layer, 1.0)
    x = torch.randn(2, 8, 10, 9)
    for image in (x, x.contiguous(memory_format=torch.channels_last), x[0]):
        got = layer.float()(image)
        expected = plain(layer, options)(image.double())
        assert got.shape == expected.shape
        assert (got - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("compute", ["weight", "feature"])
@pytest.mark.parametrize("kind", [{"alpha": 0.5}, {"alpha": 0.5, "rank": 1}, {"alpha": 0.5, "sparsity": 0.5}])
@pytest.mark.parametrize("groups", [2, 4])
def test_per_group_coefficients_mix_the_primaries_of_one_group(
    groups: int, kind: dict[str, Any], compute: Any
) -> None:
    layer = LinearConv2d(
        8, 16, 3, groups=groups, per_group=True, compute=compute, **kind, dtype=torch.float64
    )
    prune_coefficients(layer, 1.0)
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), plain(layer, {"kernel_size": 3, "groups": groups})(x))
    own = 16 // groups
    filters = published_filters(layer).flatten(1)
    for g in range(groups):
        assert torch.linalg.matrix_rank(filters[g * own : (g + 1) * own]) <= own // 2


def test_a_permuted_layer_puts_filters_at_their_places() -> None:
    layer = LinearConv2d(8, 16, 3, alpha=0.25, dtype=torch.float64)
    layer.set_order(torch.randperm(16, generator=torch.Generator().manual_seed(1)))
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
    for layer.compute in ("weight", "feature"):
        torch.testing.assert_close(layer(x), plain(layer, {"kernel_size": 3})(x))


@pytest.mark.parametrize("compute", ["weight", "feature"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", KINDS[:4], ids=str)
def test_first_and_second_derivatives(kind: dict[str, Any], groups: int, compute: Any) -> None:
    layer = LinearConv2d(
        2, 4, 2, groups=groups, compute=compute, dtype=torch.float64, **kind | {"alpha": 0.5}
    )
    prune_coefficients(layer, 1.0)
    check_derivatives(layer, torch.randn(1, 2, 3, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alpha": 0.0}, ["alpha=0.0", "(0, 1]"]),
        ({"alpha": 1.01}, ["alpha=1.01", "(0, 1]"]),
        ({"rank": 0}, ["rank=0", "1"]),
        ({"rank": 9}, ["rank=9", "1..8"]),
        ({"rank_ratio": 1.5}, ["rank_ratio=1.5", "(0, 1]"]),
        ({"rank": 2, "rank_ratio": 0.5}, ["rank=2", "rank_ratio=0.5"]),
        ({"rank": 2, "sparsity": 0.5}, ["rank=2", "sparsity=0.5"]),
        ({"sparsity": 1.0}, ["sparsity=1.0", "[0, 1)"]),
        ({"groups": 3}, ["groups=3", "in_channels=8"]),
        ({"groups": 0}, ["groups=0"]),
        ({"kernel_size": 0}, ["kernel_size=0"]),
        ({"kernel_size": (3, 3, 3)}, ["kernel_size=(3, 3, 3)"]),
        ({"stride": 0}, ["stride=0"]),
        ({"padding": -1}, ["padding=-1"]),
        ({"padding": "full"}, ["padding='full'", "same"]),
        ({"padding": "same", "stride": 2}, ["padding='same'", "stride=(2, 2)"]),
        ({"padding_mode": "mirror"}, ["padding_mode='mirror'", "reflect"]),
        ({"out_channels": 0}, ["out_channels=0"]),
        ({"compute": "fast"}, ["compute='fast'", "feature"]),
    ],
)
def test_bad_arguments_are_named_with_value_and_range(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        LinearConv2d(**{"in_channels": 8, "out_channels": 16, "kernel_size": 3} | options)
    assert all(word in str(caught.value) for word in words)


def test_only_parameters_are_parameters() -> None:
    layer = LinearConv2d(8, 16, 3, alpha=0.25, sparsity=0.5)
    assert {name for name, _ in layer.named_parameters()} == {"primary", "coefficients", "bias"}
    assert {name for name, _ in layer.named_buffers()} == {"mask", "order"}
    assert undecayed(nn.Sequential(layer)) == [layer.coefficients]
    low = LinearConv2d(8, 16, 3, alpha=0.25, rank=2)
    assert undecayed(nn.Sequential(low)) == [low.column, low.row]


def test_a_fresh_layer_takes_every_argument_and_cuts_the_rank() -> None:
    conv = nn.Conv2d(8, 16, (3, 1), 2, (1, 0), (2, 1), 2, False, "circular", dtype=torch.float64)
    layer = lookup.family("linear").fresh(conv, LinearSpec(0.25, rank=10))
    assert isinstance(layer, LinearConv2d)
    assert (layer.rank, layer.primary.dtype) == (4, torch.float64)
    x = torch.randn(1, 8, 9, 9, dtype=torch.float64)
    assert layer(x).shape == conv(x).shape
    with pytest.raises(InputError, match="there is no family 'basiss'"):
        lookup.family("basiss")


@pytest.mark.parametrize("p", [1, 4, 32])
@pytest.mark.parametrize("rank", [None, 1, 3])
def test_secondary_filters_start_with_the_variance_of_the_primary_ones(p: int, rank: int | None) -> None:
    torch.manual_seed(0)
    layer = LinearConv2d(64, 512, 3, alpha=p / 512, rank=None if rank is None else min(rank, p))
    filters = published_filters(layer).flatten(1)
    reference = nn.Conv2d(64, 512, 3).weight.std()
    assert 0.9 < filters[:p].std() / reference < 1.1
    assert 0.75 < filters[p:].std() / reference < 1.25


MEASURED = [  # in, out, kernel, size, alpha; time of feature space over weight space, a training step of 128
    (512, 10, 1, 4, 0.5, 1.08),
    (192, 10, 1, 8, 0.25, 1.06),
    (256, 32, 1, 8, 0.125, 0.70),
    (64, 96, 1, 8, 0.5, 1.42),
    (64, 96, 1, 8, 0.25, 0.86),
    (32, 128, 1, 8, 0.125, 0.84),
    (128, 32, 1, 16, 0.5, 0.74),
    (96, 24, 1, 32, 0.25, 0.76),
    (16, 96, 1, 32, 0.125, 1.08),
    (512, 512, 1, 16, 0.5, 0.83),
    (3, 64, 3, 32, 0.25, 0.61),
    (3, 32, 3, 32, 0.5, 0.89),
    (256, 256, 3, 8, 0.5, 0.56),
]
"""One thread of an AVX-512 CPU: some of the timings that the cost model was fitted to."""


ON_IMAGES = [  # the same for the first layer of a net, whose input needs no gradient
    (3, 32, 3, 32, 0.125, 1.32),
    (3, 64, 3, 32, 0.25, 1.29),
    (3, 64, 3, 32, 0.125, 1.14),
    (3, 96, 3, 32, 0.125, 1.14),
    (3, 64, 7, 64, 0.25, 0.55),
    (1, 64, 3, 28, 0.125, 2.39),
    (3, 64, 5, 32, 0.25, 0.70),
    (16, 64, 3, 32, 0.25, 0.54),
]


@pytest.mark.parametrize(
    ("case", "learning"), [(case, True) for case in MEASURED] + [(case, False) for case in ON_IMAGES]
)
def test_the_faster_way_is_taken(case: tuple[int, int, int, int, float, float], learning: bool) -> None:
    channels, out, kernel, size, alpha, ratio = case
    layer = LinearConv2d(channels, out, kernel, padding=kernel // 2, alpha=alpha)
    way = layer.way(torch.empty(128, channels, size, size, device="meta", requires_grad=learning))
    assert way == ("feature" if ratio < 1 else "weight")


@pytest.mark.parametrize(
    ("channels", "size", "alpha"),
    [(192, 8, 0.5), (32, 32, 0.25)],  # measured: 0.91 and 0.94 in training, 1.18 and 1.23 in evaluation
)
def test_the_way_changes_from_training_to_evaluation_and_back(channels: int, size: int, alpha: float) -> None:
    layer = LinearConv2d(channels, channels, 1, alpha=alpha)
    x = torch.empty(128, channels, size, size, device="meta", requires_grad=True)
    assert layer.way(x) == "feature"
    layer.eval()
    with torch.no_grad():
        assert layer.way(x) == "weight"
    layer.train()
    assert layer.way(x) == "feature"


def test_groups_need_every_primary_in_each_group() -> None:
    layer = LinearConv2d(64, 64, 3, groups=64, alpha=0.5)
    assert layer.way(torch.empty(128, 64, 8, 8, device="meta", requires_grad=True)) == "weight"


def test_low_precision_parameters() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        layer = LinearConv2d(8, 16, 3, alpha=0.25, dtype=dtype)
        x = torch.randn(2, 8, 6, 6, dtype=dtype)
        for layer.compute in ("weight", "feature"):
            expected = F.conv2d(x.float(), layer.filters().float(), layer.bias.float())
            torch.testing.assert_close(layer(x).float(), expected, rtol=0.05, atol=0.05)

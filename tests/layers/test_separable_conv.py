"""The separable layer against its definition, written out with loops that share no code with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from layer_checks import check_derivatives
from torch import Tensor, nn

from lcsearch.layers import SeparableConv2d
from lcsearch.layers.models import prunable, undecayed

KINDS: list[dict[str, Any]] = [
    {},
    {"terms": 3},
    {"rank": 2},
    {"terms": 2, "rank": 1},
    {"terms": 3, "rank": 8},
]
GEOMETRIES: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": (3, 5), "padding": (2, 1), "stride": (2, 1), "bias": False},
    {"kernel_size": 3, "padding": "same", "dilation": 2},
    {"kernel_size": (2, 4), "padding": "same", "padding_mode": "circular", "bias": False},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect", "stride": 2},
    {"kernel_size": 3, "padding": 1, "padding_mode": "replicate"},
    {"kernel_size": (1, 3), "padding": "valid", "padding_mode": "circular", "dilation": (1, 2)},
]


def defined_filters(layer: SeparableConv2d) -> Tensor:
    """W[o, i, :] = sum_k b_k[o, :] a_k[o, i] in float64, number by number."""
    terms, out, height, width = layer.blueprints.shape
    filters = torch.zeros(out, layer.in_channels, height, width, dtype=torch.float64)
    for k in range(terms):
        for o in range(out):
            if layer.mixing is not None:
                a = layer.mixing[k, o].double()
            else:
                pairs = zip(layer.column[k, o].double(), layer.row.double(), strict=True)
                a = sum(c * row for c, row in pairs)
            for i in range(layer.in_channels):
                filters[o, i] += layer.blueprints[k, o].double() * a[i]
    return filters.detach()


def defined_output(layer: SeparableConv2d, options: dict[str, Any], x: Tensor) -> Tensor:
    conv = nn.Conv2d(8, 6, **options, dtype=torch.float64)
    with torch.no_grad():
        conv.weight.copy_(defined_filters(layer))
        if conv.bias is not None:
            conv.bias.copy_(layer.bias)
        return conv(x.double())


@pytest.mark.parametrize("compute", ["weight", "feature", "auto"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
def test_output_is_that_of_the_defined_filters(
    options: dict[str, Any], kind: dict[str, Any], compute: Any
) -> None:
    torch.manual_seed(0)
    layer = SeparableConv2d(8, 6, **options, **kind, compute=compute)
    x = torch.randn(2, 8, 10, 9)
    expected = defined_output(layer, options, x)
    torch.testing.assert_close(
        layer.filters().detach().double(), defined_filters(layer), rtol=1e-5, atol=1e-6
    )
    for mode in (layer.train, layer.eval):
        mode()
        for image in (x, x.contiguous(memory_format=torch.channels_last), x[0]):
            got = layer(image)
            want = expected if image.dim() == 4 else expected[0]
            assert got.shape == want.shape
            assert (got - want).norm() <= 1e-5 * want.norm()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("compute", ["weight", "feature"])
def test_it_computes_in_its_own_type(compute: Any, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = SeparableConv2d(8, 6, 3, padding=1, terms=2, rank=3, compute=compute)
    x = torch.randn(2, 8, 5, 5)
    got = layer.to(dtype)(x.to(dtype))
    assert got.dtype == dtype
    expected = defined_output(layer, {"kernel_size": 3, "padding": 1}, x)
    assert (got.double() - expected).norm() <= (1e-2 if dtype.itemsize == 2 else 1e-6) * expected.norm()
    assert SeparableConv2d(8, 6, 3, rank=2, dtype=dtype).row.dtype == dtype


@pytest.mark.parametrize("compute", ["weight", "feature"])
@pytest.mark.parametrize("kind", [{}, {"terms": 2}, {"terms": 2, "rank": 1}], ids=str)
def test_first_and_second_derivatives(kind: dict[str, Any], compute: Any) -> None:
    layer = SeparableConv2d(2, 3, 2, compute=compute, dtype=torch.float64, **kind)
    check_derivatives(layer, torch.randn(1, 2, 3, 3, dtype=torch.float64))


def test_as_many_terms_as_a_kernel_has_numbers_are_any_convolution() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 6, (2, 3), dtype=torch.float64)
    with torch.no_grad():
        layer = SeparableConv2d(8, 6, (2, 3), dtype=torch.float64, terms=6)
        for k in range(6):  # a term for each place of the kernel
            layer.blueprints[k] = F.one_hot(torch.tensor(k), 6).double().view(2, 3)
            layer.mixing[k] = conv.weight[:, :, k // 3, k % 3]
        layer.bias.copy_(conv.bias)
        x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
        for layer.compute in ("weight", "feature"):
            torch.testing.assert_close(layer(x), conv(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": 0}, "terms=0 must be in 1..9 for a 3x3 kernel"),
        ({"terms": 10}, "terms=10 must be in 1..9 for a 3x3 kernel"),
        ({"rank": 0}, "rank=0 must be in 1..6 for 8 input channels and 1 x 6 mixed ones"),
        ({"rank": 7}, "rank=7 must be in 1..6 for 8 input channels and 1 x 6 mixed ones"),
        ({"terms": 2, "rank": 9}, "rank=9 must be in 1..8 for 8 input channels and 2 x 6 mixed ones"),
        ({"groups": 2}, "cannot be separable: it has 2 groups"),
        ({"kernel_size": 1}, "cannot be separable: its kernel is 1x1"),
        ({"compute": "fast"}, "compute='fast' must be 'auto', 'weight' or 'feature'"),
        ({"padding": "same", "stride": 2}, "padding='same' needs stride 1, but stride=(2, 2)"),
    ],
)
def test_bad_arguments_are_named_with_value_and_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        SeparableConv2d(**{"in_channels": 8, "out_channels": 6, "kernel_size": 3} | options)
    assert str(caught.value) == message


def test_its_tensors() -> None:
    full, low = SeparableConv2d(8, 6, 3, terms=2), SeparableConv2d(8, 6, 3, terms=2, rank=4, bias=False)
    assert {name: tuple(p.shape) for name, p in full.state_dict().items()} == {
        "blueprints": (2, 6, 3, 3), "mixing": (2, 6, 8), "bias": (6,),
    }  # fmt: skip
    assert {name: tuple(p.shape) for name, p in low.state_dict().items()} == {
        "blueprints": (2, 6, 3, 3), "column": (2, 6, 4), "row": (4, 8),
    }  # fmt: skip
    assert undecayed(nn.Sequential(full, low)) == prunable(nn.Sequential(full, low)) == []


def test_what_it_shows_makes_it_again() -> None:
    layer = SeparableConv2d(8, 6, (3, 1), 2, (1, 0), bias=False, terms=2, rank=3, compute="feature")
    again = eval(f"SeparableConv2d({layer.extra_repr()})")
    assert again.extra_repr() == layer.extra_repr() and again.geometry == layer.geometry

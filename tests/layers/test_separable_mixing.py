"""Both ways of a separable layer against filters that are written out, for all arguments of a convolution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lcsearch.layers import SeparableConv2d, separable_mixing
from lcsearch.layers.separable_cost import SeparablePlan
from lcsearch.layers.separable_mixing import pointwise

pytestmark = pytest.mark.slow

WAYS = ("weight", "feature")
GEOMETRIES: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 3, "padding": 1, "stride": 2},
    {"kernel_size": (3, 2), "padding": (2, 0), "stride": (1, 3), "dilation": (1, 2), "bias": False},
    {"kernel_size": 3, "padding": "same", "dilation": 2},
    {"kernel_size": (2, 3), "padding": "same"},
    {"kernel_size": 3, "padding": "valid"},
    {"kernel_size": 3, "padding": 1, "padding_mode": "reflect", "stride": 2},
    {"kernel_size": 3, "padding": (0, 1), "padding_mode": "circular", "bias": False},
    {"kernel_size": 5, "padding": 2, "padding_mode": "replicate", "dilation": (2, 1)},
    {"kernel_size": 5, "padding": "same", "padding_mode": "circular"},
]
KINDS: list[dict[str, Any]] = [{"terms": 1}, {"terms": 3}, {"terms": 1, "rank": 2}, {"terms": 2, "rank": 3}]


def layer(arguments: dict[str, Any], **options: Any) -> SeparableConv2d:
    torch.manual_seed(0)
    return SeparableConv2d(4, 6, **arguments, **options).double()


def images(*size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    x = torch.randn(2, 4, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()


def written_out(one: SeparableConv2d, x: Tensor) -> Tensor:
    """W[o, i, :] = sum_k b_k[o, :] a_k[o, i], and PyTorch's convolution by it."""
    mixing = one.mixing if one.mixing is not None else torch.einsum("kor,ri->koi", one.column, one.row)
    filters = torch.einsum("kohw,koi->oihw", one.blueprints, mixing)
    g = one.geometry
    if g.padding_mode != "zeros":
        across, down = (
            g.dilation[axis] * (g.kernel_size[axis] - 1) if g.padding == "same" else 2 * int(g.padding[axis])
            for axis in (1, 0)
        )
        x = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2), mode=g.padding_mode)
    padding = g.padding if g.padding_mode == "zeros" else 0
    return F.conv2d(x, filters, one.bias, g.stride, padding, g.dilation)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("arguments", GEOMETRIES, ids=str)
@pytest.mark.parametrize("size", [(7, 6), (5, 9)])
def test_both_ways_are_the_definition(
    arguments: dict[str, Any], kind: dict[str, Any], size: tuple[int, int]
) -> None:
    one = layer(arguments, **kind)
    check(one, images(*size))


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("padding", [1, 2, "same"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (4, 1)])
def test_small_maps_too(kind: dict[str, Any], padding: int | str, size: tuple[int, int]) -> None:
    check(layer({"kernel_size": 3, "padding": padding}, **kind), images(*size))


def check(one: SeparableConv2d, x: Tensor, ways: tuple[str, ...] = WAYS) -> None:
    """Outputs and gradients of a layer, and its outputs in evaluation."""
    expected = written_out(one, x)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    given = [x, *one.parameters()]
    wanted = torch.autograd.grad((expected.sin() * weights).sum(), given)
    for way in ways:
        one.compute = way
        got = one(x)
        torch.testing.assert_close(got, expected)
        for mine, other in zip(torch.autograd.grad((got.sin() * weights).sum(), given), wanted, strict=True):
            torch.testing.assert_close(mine, other)
        with torch.no_grad():
            torch.testing.assert_close(one.eval()(x), expected)
        one.train()


@pytest.mark.parametrize("arguments", GEOMETRIES, ids=str)
@pytest.mark.parametrize("terms", [1, 2])
def test_the_reduced_way(arguments: dict[str, Any], terms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SeparablePlan, "way", lambda *_: "reduced")
    check(layer(arguments, terms=terms, rank=2), images(7, 6), ("auto",))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (6, 5)])
@pytest.mark.parametrize("stride", [1, 2])
def test_both_ways_in_the_types_that_train(
    dtype: torch.dtype, kind: dict[str, Any], size: tuple[int, int], stride: int
) -> None:
    """In bfloat16 by autocast; the parameters then get their gradients in float32."""
    exact = layer({"kernel_size": 3, "padding": 1, "stride": stride}, **kind)
    expected = written_out(exact, images(*size))
    expected.sum().backward()
    near = {"rtol": 5e-2, "atol": 1e-1} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-5}
    for way in WAYS:
        one = layer({"kernel_size": 3, "padding": 1, "stride": stride}, **kind, compute=way).float()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            got = one(images(*size, dtype=torch.float32))
        assert got.dtype == dtype
        torch.testing.assert_close(got.double(), expected, **near)
        got.sum().backward()
        for name, parameter in exact.named_parameters():
            own = one.get_parameter(name).grad
            assert own is not None and own.dtype == torch.float32
            torch.testing.assert_close(own.double(), parameter.grad, **near)


def test_double_gradients() -> None:
    for arguments in ({"kernel_size": 3, "padding": 1}, {"kernel_size": 3, "padding": 1, "stride": 2}):
        one = layer(arguments, terms=2, compute="feature")
        assert torch.autograd.gradgradcheck(one, [images(2, 2)], fast_mode=True)


@pytest.mark.parametrize("way", [*WAYS, "auto"])
def test_compiled_exported_traced_and_transformed(way: str) -> None:
    one = layer({"kernel_size": 3, "padding": 1}, terms=2, rank=3, compute=way)
    x = images(1, 2).detach()
    expected = written_out(one, x)
    one(x)  # what is remembered of it is trimmed
    with torch.no_grad():
        torch.testing.assert_close(torch.export.export(one, (x,)).module()(x), expected)
        torch.testing.assert_close(torch.jit.trace(one, (x,))(images(5, 4)), written_out(one, images(5, 4)))
    torch.testing.assert_close(torch.compile(one, backend="aot_eager")(x), expected)
    values = dict(one.named_parameters())
    wanted = torch.autograd.grad(expected.square().sum(), list(values.values()))
    got = torch.func.grad(lambda v: torch.func.functional_call(one, v, (x,)).square().sum())(values)
    for name, gradient in zip(values, wanted, strict=True):
        torch.testing.assert_close(got[name], gradient)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("size", [(2, 2), (5, 4)])
@pytest.mark.parametrize("places", [0, 10**6])
def test_pointwise(
    layout: torch.memory_format, size: tuple[int, int], places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(separable_mixing, "FEW_PLACES", places)
    x, matrix = images(*size).detach().contiguous(memory_format=layout), torch.randn(3, 4).double()
    torch.testing.assert_close(pointwise(x, matrix), torch.einsum("dc,nchw->ndhw", matrix, x))
    bias = torch.randn(3).double()
    expected = torch.einsum("dc,nchw->ndhw", matrix, x) + bias[None, :, None, None]
    torch.testing.assert_close(pointwise(x, matrix, bias), expected)

"""Convolutions by few products against PyTorch's, forwards and backwards, in float64 and float32."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from lcsearch.layers import winograd
from lcsearch.layers.winograd import convolve

# padding, height, width: whole tiles, parts of tiles, one number, more padding than usual
SIZES = [(1, 8, 8), (1, 7, 5), (0, 6, 9), (2, 5, 4), (1, 1, 1), (0, 3, 3), (1, 2, 11)]


def drawn(height: int, width: int, dtype: torch.dtype = torch.float64, images: int = 3) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(images, 5, height, width), (4, 5, 3, 3), (4,)]
    return [torch.randn(s, generator=generator, dtype=dtype).requires_grad_() for s in shapes]


def same(got: Tensor, expected: Tensor, values: list[Tensor], tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)
    gradient = torch.randn(expected.shape, dtype=expected.dtype, generator=torch.Generator().manual_seed(1))
    pairs = zip(
        torch.autograd.grad(got, values, gradient),
        torch.autograd.grad(expected, values, gradient),
        strict=True,
    )
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("m", [2, 4])
@pytest.mark.parametrize(("padding", "height", "width"), SIZES)
def test_answers_and_gradients_are_pytorchs(padding: int, height: int, width: int, m: int) -> None:
    x, filters, bias = drawn(height, width)
    got = convolve(x, filters, bias, padding, m)
    same(got, F.conv2d(x, filters, bias, padding=padding), [x, filters, bias])
    assert got.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("m", [2, 4])
def test_images_come_in_parts_where_they_are_many(m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, filters, bias = drawn(6, 7, images=5)
    monkeypatch.setattr(winograd, "_MOST", 2 * (m + 2) ** 2 * -(-6 // m) * -(-7 // m) * 9)  # two at once
    same(convolve(x, filters, bias, 1, m), F.conv2d(x, filters, bias, padding=1), [x, filters, bias])


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 1), (1, 2)])
def test_only_what_is_asked_for_has_a_gradient(wanted: tuple[int, ...]) -> None:
    values = [one.detach().requires_grad_(place in wanted) for place, one in enumerate(drawn(8, 8))]
    x, filters, bias = values
    same(convolve(x, filters, bias, 1, 4), F.conv2d(x, filters, bias, padding=1), [values[w] for w in wanted])


def test_a_bias_may_be_missing() -> None:
    x, filters, _ = drawn(8, 8)
    same(convolve(x, filters, None, 1, 4), F.conv2d(x, filters, padding=1), [x, filters])


@pytest.mark.parametrize(("m", "error"), [(2, 1e-5), (4, 5e-5)])
def test_float32_is_off_by_rounding_alone(m: int, error: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 256, 8, 8, generator=generator)
    filters = torch.randn(64, 256, 3, 3, generator=generator) / 48
    exact = F.conv2d(x.double(), filters.double(), padding=1)
    difference = (convolve(x, filters, None, 1, m) - exact).abs().max() / exact.abs().max()
    assert 0 < difference < error


def test_derivatives_of_derivatives_are_pytorchs() -> None:
    values = drawn(6, 5)
    found = []
    for made in (convolve(*values, 1, 4), F.conv2d(*values, padding=1)):  # type: ignore[misc]
        first = torch.autograd.grad(made.square().sum(), values, create_graph=True)
        found.append(torch.autograd.grad(sum(one.square().sum() for one in first), values))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_forward_derivatives_are_pytorchs() -> None:
    values, tangents = drawn(6, 5), [torch.ones_like(one) for one in drawn(6, 5)]
    with forward_ad.dual_level():
        x, filters, bias = (forward_ad.make_dual(*pair) for pair in zip(values, tangents, strict=True))
        got = forward_ad.unpack_dual(convolve(x, filters, bias, 1, 4)).tangent
        expected = forward_ad.unpack_dual(F.conv2d(x, filters, bias, padding=1)).tangent
    torch.testing.assert_close(got, expected)

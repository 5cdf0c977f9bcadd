"""Trimmed kernels against whole ones, for every small case, and counted by where each number ever stands."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from lcsearch.layers.geometry import Geometry
from lcsearch.layers.trimming import cut, trimmed


def geometry(kernel: int, stride: int, padding: int | str, dilation: int, mode: str = "zeros") -> Geometry:
    return Geometry.checked(1, 1, (kernel, 3), stride, padding, (dilation, 1), 1, False, mode)


def met(size: int, made: int, kernel: int, stride: int, padding: int, dilation: int) -> list[bool]:
    """Whether each number of a kernel ever stands on the map."""
    places = range(size)
    return [
        any(step * stride - padding + number * dilation in places for step in range(made))
        for number in range(kernel)
    ]


@pytest.mark.parametrize("kernel", range(1, 8))
def test_what_is_left_out_meets_nothing_and_no_more_could_be(kernel: int) -> None:
    left_out = 0
    for stride, padding, dilation, size in product((1, 2, 3), range(5), (1, 2), range(1, 6)):
        if size + 2 * padding <= dilation * (kernel - 1):
            continue
        whole = geometry(kernel, stride, padding, dilation)
        made, _ = whole.output_size(size, 9)
        small = trimmed(whole, size, 9)
        assert small.output_size(size, 9) == whole.output_size(size, 9)
        used = met(size, made, kernel, stride, padding, dilation)
        count = (kernel - small.kernel_size[0]) // 2
        assert not any(used[:count]) and not any(used[kernel - count :])
        if stride == 1 and any(used):  # with larger steps a number may pass over a small map
            ends = min(used.index(True), used[::-1].index(True))
            assert count == min(ends, padding // dilation)  # padding is left out in whole steps
        left_out += count
    assert left_out > 0 or kernel < 3


@pytest.mark.parametrize("kernel", range(2, 8))
def test_it_makes_the_same_of_every_small_map(kernel: int) -> None:
    torch.manual_seed(0)
    x, filters = torch.randn(1, 1, 4, 4), torch.randn(1, 1, kernel, kernel)
    for stride, padding, dilation, height, width in product((1, 2, 5), range(4), (1, 2), (1, 2, 4), (1, 3)):
        if min(height, width) + 2 * padding <= dilation * (kernel - 1):
            continue
        whole = Geometry.checked(1, 1, kernel, stride, padding, dilation, 1, False, "zeros")
        small, seen = trimmed(whole, height, width), x[:, :, :height, :width]
        got = small.convolve(seen, cut(filters, small.kernel_size), None, 1)
        torch.testing.assert_close(got, whole.convolve(seen, filters, None, 1))


@pytest.mark.parametrize(
    ("size", "kept"), [((1, 1), (1, 1)), ((1, 2), (1, 3)), ((2, 1), (3, 1)), ((2, 2), (3, 3))]
)
def test_it_makes_the_same(size: tuple[int, int], kept: tuple[int, int]) -> None:
    torch.manual_seed(0)
    whole = Geometry.checked(4, 5, 5, 1, 2, 1, 1, False, "zeros")
    x, filters = torch.randn(2, 4, *size), torch.randn(5, 4, 5, 5)
    small = trimmed(whole, *size)
    assert small.kernel_size == kept
    torch.testing.assert_close(
        small.convolve(x, cut(filters, kept), None, 1), whole.convolve(x, filters, None, 1)
    )


@pytest.mark.parametrize(("padding", "mode"), [(1, "circular"), (0, "zeros"), ("valid", "zeros")])
def test_other_padding_keeps_the_kernel(padding: int | str, mode: str) -> None:
    whole = geometry(3, 1, padding, 1, mode)
    assert trimmed(whole, 3, 3) is whole


def test_same_padding_is_trimmed_where_it_is_alike_at_both_sides() -> None:
    one, other = geometry(3, 1, "same", 1), geometry(4, 1, "same", 1)
    assert trimmed(one, 1, 3).kernel_size == (1, 3)
    assert trimmed(other, 1, 3) is other


def test_what_is_exported_keeps_the_kernel() -> None:
    class Told(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * trimmed(geometry(3, 1, 1, 1), x.shape[2], x.shape[3]).kernel_size[0]

    x = torch.ones(1, 1, 1, 4)
    assert Told()(x).max() == 1
    assert torch.export.export(Told(), (x,)).module()(x).max() == 3
    assert torch.jit.trace(Told(), (x,), check_trace=False)(x).max() == 3

"""Depthwise convolutions against sums written out, and their gradients where PyTorch's are slow."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from lcsearch.layers import depthwise_gradients as gradients
from lcsearch.layers.depthwise import _Depthwise, depthwise, pays
from lcsearch.layers.depthwise_gradients import Steps

LAST = torch.channels_last

# kernel, steps, sizes of the maps
CASES = [
    ((3, 3), Steps(padding=(1, 1)), (2, 2)),  # a map smaller than the kernel
    ((3, 3), Steps((2, 2), (1, 1)), (5, 4)),
    ((3, 3), Steps((2, 3), (1, 0)), (6, 7)),
    ((3, 3), Steps(padding=(2, 2)), (4, 3)),  # more padding than half the kernel
    ((3, 3), Steps(padding=(0, 2), dilation=(1, 2)), (6, 5)),
    ((5, 4), Steps(padding=(2, 1)), (6, 5)),  # blocks of 3, 2 by 3, 1
    ((7, 3), Steps((2, 2), (3, 1)), (8, 5)),
    ((1, 5), Steps((1, 2), (0, 2), (1, 2)), (3, 11)),
]


def drawn(kernel: tuple[int, int], sizes: tuple[int, int], bias: bool = True) -> list[Tensor | None]:
    torch.manual_seed(0)
    z = torch.randn(2, 3, *sizes, dtype=torch.float64).contiguous(memory_format=LAST)
    values = [z, torch.randn(3, *kernel, dtype=torch.float64), torch.randn(3, dtype=torch.float64)]
    return [value.requires_grad_() for value in values[: 2 + bias]] + [None] * (not bias)


def by_hand(z: Tensor, filters: Tensor, bias: Tensor | None, steps: Steps) -> Tensor:
    """The sum over a kernel's numbers, each of them times the numbers that it meets."""
    top, left = steps.padding
    padded = F.pad(z, (left, left, top, top))
    _, height, width = filters.shape
    rows = (padded.shape[2] - steps.dilation[0] * (height - 1) - 1) // steps.stride[0] + 1
    columns = (padded.shape[3] - steps.dilation[1] * (width - 1) - 1) // steps.stride[1] + 1
    made = z.new_zeros(len(z), len(filters), rows, columns) if bias is None else bias[None, :, None, None]
    for row, column in product(range(height), range(width)):
        down = torch.arange(rows) * steps.stride[0] + row * steps.dilation[0]
        right = torch.arange(columns) * steps.stride[1] + column * steps.dilation[1]
        made = made + padded[:, :, down][..., right] * filters[None, :, row, column, None, None]
    return made


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kernel", "steps", "sizes"), CASES)
def test_own_gradients_are_those_of_the_sum(
    kernel: tuple[int, int], steps: Steps, sizes: tuple[int, int], bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients, "slow_for_maps", lambda *_: True)
    monkeypatch.setattr(gradients, "slow_for_filters", lambda *_: True)
    values = drawn(kernel, sizes, bias)
    given = [value for value in values if value is not None]
    got, expected = _Depthwise.apply(*values, steps), by_hand(*values, steps)
    torch.testing.assert_close(got, expected)
    gradient = torch.randn(got.shape, dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad(got, given, gradient), torch.autograd.grad(expected, given, gradient), strict=True
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("slow", [True, False])
@pytest.mark.parametrize(("kernel", "steps", "sizes"), [CASES[0], CASES[4], CASES[6]])
def test_derivatives_of_both_modes_and_orders(
    kernel: tuple[int, int],
    steps: Steps,
    sizes: tuple[int, int],
    slow: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gradients, "slow_for_maps", lambda *_: slow)
    monkeypatch.setattr(gradients, "slow_for_filters", lambda *_: slow)
    values = drawn(kernel, sizes)
    fast = {"fast_mode": True}
    assert torch.autograd.gradcheck(
        lambda *given: _Depthwise.apply(*given, steps), values, check_forward_ad=True, **fast
    )
    assert torch.autograd.gradgradcheck(lambda *given: _Depthwise.apply(*given, steps), values, **fast)


@pytest.mark.parametrize("place", range(3))
def test_a_tangent_of_one_alone(place: int) -> None:
    kernel, steps, sizes = CASES[0]
    values = [value.detach() for value in drawn(kernel, sizes) if value is not None]
    tangent = torch.randn(values[place].shape, dtype=torch.float64)
    with forward_ad.dual_level():
        dual = [*values[:place], forward_ad.make_dual(values[place], tangent), *values[place + 1 :]]
        out = forward_ad.unpack_dual(_Depthwise.apply(*dual, steps)).tangent
    # It is linear in each: what a tangent adds is what the outputs differ by.
    moved = [*values[:place], values[place] + tangent, *values[place + 1 :]]
    torch.testing.assert_close(out, by_hand(*moved, steps) - by_hand(*values, steps))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("kernel", "steps", "sizes"), [*CASES, ((1, 1), Steps(), (3, 2))])
def test_all_is_right_in_the_types_that_train(
    kernel: tuple[int, int], steps: Steps, sizes: tuple[int, int], dtype: torch.dtype
) -> None:
    values = [value for value in drawn(kernel, sizes) if value is not None]
    rounded = [value.detach().to(dtype).requires_grad_() for value in values]
    exact = [value.detach().double().requires_grad_() for value in rounded]
    got, expected = depthwise(*rounded, steps), by_hand(*exact, steps)
    assert got.dtype == dtype
    gradient = torch.randn(expected.shape).to(dtype)
    near = {"rtol": 3e-2, "atol": 5e-2} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(got.double(), expected, **near)
    for one, other in zip(
        torch.autograd.grad(got, rounded, gradient),
        torch.autograd.grad(expected, exact, gradient.double()),
        strict=True,
    ):
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), other, **near)


def maps(size: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(2, 3, size, size, dtype=dtype).contiguous(memory_format=LAST)


SAME, STRIDED = Steps(padding=(1, 1)), Steps((2, 2), (1, 1))
K3, K5 = torch.zeros(3, 3, 3), torch.zeros(3, 5, 5)


@pytest.mark.parametrize(
    ("z", "filters", "steps", "expected"),
    [
        (maps(), K3, SAME, False),
        (maps(3), K3, SAME, False),
        (maps(2), K3, SAME, True),
        (maps(3), K3, STRIDED, True),
        (maps(4), K3, STRIDED, False),
        (maps(), K3, Steps(padding=(2, 2)), True),
        (maps(), K3, Steps(dilation=(2, 2)), True),
        (maps(), K5, Steps(padding=(2, 2)), True),
        (maps(dtype=torch.bfloat16), K3, SAME, False),
        (maps(dtype=torch.bfloat16), K3, STRIDED, True),
        (maps(2, torch.float64), K3, SAME, False),
        (maps(2).to("meta"), K3, SAME, False),
    ],
)
def test_they_pay_where_onednn_is_slow(z: Tensor, filters: Tensor, steps: Steps, expected: bool) -> None:
    assert pays(z, filters, steps) == expected
    with torch.no_grad():
        assert not pays(z, filters, steps)


def test_transforms_take_pytorchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    own = gradients.of_maps
    monkeypatch.setattr(gradients, "of_maps", lambda *given: calls.append(given) or own(*given))
    z, filters = maps(2), torch.randn(3, 3, 3)
    torch.func.grad(lambda z: depthwise(z, filters, None, SAME).square().sum())(z)
    assert calls == []
    depthwise(z.requires_grad_(), filters, None, SAME).sum().backward()
    assert len(calls) == 1

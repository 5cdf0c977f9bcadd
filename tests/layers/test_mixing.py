"""Mixing in place against the concatenation that it stands for, and where it must step aside."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from lcsearch.layers import LinearConv2d, mixing

LAST = torch.channels_last


def drawn(p: int, s: int, bias: bool) -> list[Tensor | None]:
    torch.manual_seed(0)
    y = torch.randn(2, p, 3, 5, dtype=torch.float64).contiguous(memory_format=LAST)
    matrix = torch.randn(s, p, dtype=torch.float64)
    values = [y, matrix, torch.randn(p + s, dtype=torch.float64) if bias else None]
    return [None if value is None else value.requires_grad_() for value in values]


def by_hand(y: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    both = torch.cat([y, torch.einsum("sp,nphw->nshw", matrix, y)], 1)
    return both if bias is None else both + bias[None, :, None, None]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("p", "s"), [(4, 3), (1, 5), (5, 1), (3, 3)])
def test_it_is_the_concatenation_and_so_are_its_gradients(p: int, s: int, bias: bool) -> None:
    values = drawn(p, s, bias)
    given = [value for value in values if value is not None]
    got, expected = mixing.mix(*values), by_hand(*values)
    torch.testing.assert_close(got, expected)
    assert got.is_contiguous(memory_format=LAST)
    gradient = torch.randn(got.shape, dtype=torch.float64)  # in the other memory layout
    for one, other in zip(
        torch.autograd.grad(got, given, gradient), torch.autograd.grad(expected, given, gradient), strict=True
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("bias", [True, False])
def test_derivatives_of_both_modes_and_orders(bias: bool) -> None:
    values = drawn(3, 2, bias)
    assert torch.autograd.gradcheck(mixing.mix, values, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(mixing.mix, values)


@pytest.mark.parametrize("place", range(3))
def test_a_tangent_of_one_alone(place: int) -> None:
    values = [value.detach() for value in drawn(3, 2, True) if value is not None]
    tangent = torch.randn(values[place].shape, dtype=torch.float64)
    with forward_ad.dual_level():
        dual = [*values[:place], forward_ad.make_dual(values[place], tangent), *values[place + 1 :]]
        out = forward_ad.unpack_dual(mixing.mix(*dual)).tangent
    # It is linear in each: what a tangent adds is what the outputs differ by.
    moved = [*values[:place], values[place] + tangent, *values[place + 1 :]]
    torch.testing.assert_close(out, by_hand(*moved) - by_hand(*values))


def outputs(p: int = 64, dtype: torch.dtype = torch.float32, layout: torch.memory_format = LAST) -> Tensor:
    return torch.zeros(2, p, 3, 5, dtype=dtype).contiguous(memory_format=layout)


def test_it_pays_for_trainings_on_a_cpu_with_many_primaries() -> None:
    assert mixing.pays(outputs()) and mixing.pays(outputs(dtype=torch.float64))
    others = [outputs(63), outputs(dtype=torch.bfloat16), outputs(layout=torch.contiguous_format)]
    assert not any(map(mixing.pays, [*others, outputs().to("meta")]))
    with torch.no_grad():
        assert not mixing.pays(outputs())
    with torch.autocast("cpu", torch.bfloat16):
        assert not mixing.pays(outputs())


KINDS: list[dict[str, Any]] = [{}, {"rank": 5}, {"sparsity": 0.5}]


def layer(**options: Any) -> LinearConv2d:
    torch.manual_seed(0)
    return LinearConv2d(6, 128, 3, padding=1, **{"alpha": 0.5, "compute": "feature"} | options)


def images(dtype: torch.dtype = torch.float32) -> Tensor:
    x = torch.randn(2, 6, 5, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    return x.contiguous(memory_format=LAST)


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that a layer mixes in place."""
    calls: list[int] = []
    true = mixing.mix
    monkeypatch.setattr(mixing, "mix", lambda *values: calls.append(1) or true(*values))
    return calls


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_layer_in_training_learns_the_same_as_in_weight_space(
    kind: dict[str, Any], mixed: list[int]
) -> None:
    one, other = layer(**kind).double(), layer(**kind, compute="weight").double()
    other.load_state_dict(one.state_dict())
    weights = torch.randn(2, 128, 5, 4, dtype=torch.float64)
    for made in (one, other):
        (made(images(torch.float64)).sin() * weights).sum().backward()
    assert mixed == [1]
    for name, parameter in other.named_parameters():
        torch.testing.assert_close(one.get_parameter(name).grad, parameter.grad)


def test_it_steps_aside(mixed: list[int]) -> None:
    """Evaluation, other layouts, other orders, groups, and too few primaries take the convolution."""
    one, ordered = layer(), layer()
    ordered.set_order(torch.randperm(128))
    with torch.no_grad():
        one(images())
    with torch.autocast("cpu", torch.bfloat16):
        one(images())
    one(images().contiguous().expand(2, 6, 5, 4).contiguous(memory_format=torch.contiguous_format))
    ordered(images())
    layer(groups=2)(images())
    layer(alpha=0.25)(images())
    assert mixed == []


def test_transforms_and_compilers_take_the_convolution(mixed: list[int]) -> None:
    one = layer()
    values = dict(one.named_parameters())
    expected = torch.autograd.grad(one(images()).square().sum(), list(values.values()))
    assert mixed == [1]

    def loss(values: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(one, values, (images(),)).square().sum()

    got = torch.func.grad(loss)(values)
    for name, gradient in zip(values, expected, strict=True):
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-4)
    exported = torch.export.export(one, (images(),)).module()
    torch.testing.assert_close(exported(images()), one(images()), rtol=1e-4, atol=1e-4)
    assert mixed == [1, 1]

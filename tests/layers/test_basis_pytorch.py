"""What the basis layer owes to PyTorch: state, copies, compilers, casts, the cache."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from layer_checks import check_compiled, check_exported

from lcsearch.layers import BasisConv2d

KINDS: list[dict[str, Any]] = [
    {"compute": "weight"},
    {"compute": "feature", "bank_seed": 3},
    {"compute": "weight", "train_basis": True},
    {"compute": "feature", "train_basis": True},
]
IMAGE = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))


def layer(**options: Any) -> BasisConv2d:
    torch.manual_seed(0)
    one = BasisConv2d(8, 16, 3, padding=1, filters=4, **options)
    one(IMAGE)
    return one


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_state_copies_and_pickles_give_the_same_output(kind: dict[str, Any]) -> None:
    one = layer(**kind).eval()
    with torch.no_grad():
        expected = one(IMAGE)
        fresh = BasisConv2d(8, 16, 3, padding=1, filters=4, **kind).eval()
        fresh(IMAGE)
        file = io.BytesIO()
        torch.save(one.state_dict(), file)
        file.seek(0)
        fresh.load_state_dict(torch.load(file, weights_only=True))
        for other in (fresh, copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert torch.equal(other(IMAGE), expected)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_meta_layers_get_their_values_later(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    with torch.device("meta"):
        empty = BasisConv2d(8, 16, 3, padding=1, filters=4, **kind)
    assert empty(IMAGE.to("meta")).shape == (2, 16, 6, 6)
    assert empty.to_conv().weight.is_meta and next(empty.factorize().parameters()).is_meta
    moved = copy.deepcopy(empty).to_empty(device="cpu")
    moved.load_state_dict(one.state_dict())
    torch.testing.assert_close(moved.eval()(IMAGE), one.eval()(IMAGE))
    moved.reset_parameters()
    assert all(bool(t.isfinite().all()) for t in moved.state_dict().values())
    if one.bank_seed is not None:
        assert torch.equal(moved.bank, one.bank)


def test_a_bank_without_a_seed_is_another_each_time_and_the_same_after_one_seed() -> None:
    one, same = layer(), layer()
    assert torch.equal(one.bank, same.bank)
    same.reset_parameters()
    assert not torch.equal(one.bank, same.bank)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("change", ["step", "assign", "data", "double"])
def test_evaluation_is_never_stale(kind: dict[str, Any], change: str) -> None:
    one = layer(**kind).eval()
    with torch.no_grad():
        one(IMAGE)
    if change == "step":
        optimizer = torch.optim.SGD(one.parameters(), 0.5)
        one(IMAGE).square().mean().backward()
        optimizer.step()
    elif change == "assign":
        one.load_state_dict({n: torch.rand_like(v) for n, v in one.state_dict().items()}, assign=True)
    elif change == "data":
        one.mixing.data = torch.randn_like(one.mixing)
    else:
        one.double()
    with torch.no_grad():
        image = IMAGE.to(one.mixing.dtype)
        torch.testing.assert_close(one(image), one.to_conv()(image), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_autocast(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    with torch.autocast("cpu", torch.bfloat16):
        output = one(IMAGE)
        assert one.to_conv().weight.dtype == one.weight.dtype == torch.float32
    assert output.dtype == torch.bfloat16
    assert (output.float() - one(IMAGE)).norm() <= 0.03 * one(IMAGE).norm()
    output.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in one.parameters())
    one.eval()
    with torch.no_grad():
        exact = one(IMAGE)
        with torch.autocast("cpu", torch.bfloat16):
            one(IMAGE)
        assert torch.equal(one(IMAGE), exact)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_compiled_and_exported(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    check_exported(copy.deepcopy(one), IMAGE)
    check_compiled(one.eval() if one.norm is not None else one, IMAGE, one.mixing)

"""What the separable layer owes to PyTorch: state, copies, compilers, casts, devices, replicas, the cache."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from layer_checks import check_compiled, check_exported
from torch import Tensor, nn

from lcsearch.layers import SeparableConv2d, separable_conv

KINDS: list[dict[str, Any]] = [
    {"compute": "weight"},
    {"compute": "feature"},
    {"terms": 2, "compute": "weight"},
    {"terms": 2, "rank": 3, "compute": "feature"},
    {"terms": 2, "rank": 3},
]
IMAGE = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))


def layer(**options: Any) -> SeparableConv2d:
    torch.manual_seed(0)
    return SeparableConv2d(8, 16, 3, padding=1, **options)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_state_copies_and_pickles_give_the_same_output(kind: dict[str, Any]) -> None:
    one = layer(**kind).eval()
    with torch.no_grad():
        expected = one(IMAGE)
        fresh = SeparableConv2d(8, 16, 3, padding=1, **kind).eval()
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
        empty = SeparableConv2d(8, 16, 3, padding=1, **kind)
    assert empty(IMAGE.to("meta")).shape == (2, 16, 6, 6)
    assert empty.to_conv().weight.is_meta and next(empty.factorize().parameters()).is_meta
    moved = copy.deepcopy(empty).to_empty(device="cpu")
    moved.load_state_dict(one.state_dict())
    torch.testing.assert_close(moved(IMAGE), one(IMAGE))
    empty.load_state_dict(one.state_dict(), assign=True)
    torch.testing.assert_close(empty(IMAGE), one(IMAGE))
    moved.reset_parameters()
    assert all(bool(p.isfinite().all()) for p in moved.parameters())


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
        one.load_state_dict({n: torch.randn_like(v) for n, v in one.state_dict().items()}, assign=True)
    elif change == "data":
        one.blueprints.data = torch.randn_like(one.blueprints)
    else:
        one.double()
    with torch.no_grad():
        image = IMAGE.to(one.blueprints.dtype)
        torch.testing.assert_close(one(image), one.to_conv()(image), rtol=1e-4, atol=1e-5)


def test_evaluation_builds_filters_once_and_training_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    whole = separable_conv.combined
    monkeypatch.setattr(separable_conv, "combined", lambda *factors: built.append(1) or whole(*factors))
    one = layer(compute="weight")
    for mode, expected in ((one.eval, 1), (one.train, 3)):
        mode()
        built.clear()
        with torch.no_grad():
            for _ in range(3):
                one(IMAGE)
        assert len(built) == expected


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_autocast(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    with torch.autocast("cpu", torch.bfloat16):
        output = one(IMAGE)
        assert one.to_conv().weight.dtype == one.weight.dtype == torch.float32
    assert output.dtype == torch.bfloat16
    assert (output.float() - one(IMAGE)).norm() <= 0.02 * one(IMAGE).norm()
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
def test_compile_captures_the_whole_layer(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    check_compiled(one, IMAGE, one.blueprints)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_export(kind: dict[str, Any]) -> None:
    check_exported(layer(**kind), IMAGE)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_vmap_over_models_and_replicas(kind: dict[str, Any]) -> None:
    models = [layer(**kind).eval() for _ in range(3)]
    for i, model in enumerate(models):
        nn.init.normal_(model.blueprints, std=i + 1.0)
    params, buffers = torch.func.stack_module_state(models)

    def call(p: dict[str, Tensor], b: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(models[0], (p, b), (IMAGE,))

    with torch.no_grad():
        for one, model in zip(torch.vmap(call)(params, buffers), models, strict=True):
            torch.testing.assert_close(one, model(IMAGE), rtol=1e-4, atol=1e-4)
        replica = models[0]._replicate_for_data_parallel()
        for name, parameter in models[0]._parameters.items():  # as torch.nn.parallel.replicate does
            if parameter is None:
                replica._parameters[name] = None
            else:
                setattr(replica, name, parameter.detach() * 2)
        before = models[0](IMAGE)
        assert not torch.allclose(replica(IMAGE), before)
        assert torch.equal(models[0](IMAGE), before)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_channels_last_goes_in_and_out(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    expected = one(IMAGE)
    out = one.to(memory_format=torch.channels_last)(IMAGE.contiguous(memory_format=torch.channels_last))
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_follower_has_the_tensors_of_its_lead(kind: dict[str, Any]) -> None:
    lead = layer(**kind)
    own = SeparableConv2d(8, 16, 3, stride=2, bias=False, **kind)
    own.follow(lead, bias=False)
    assert own.lead is lead and own.bias is None
    assert all(p is dict(lead.named_parameters())[name] for name, p in own.named_parameters())
    torch.testing.assert_close(own.weight, lead.weight)
    with pytest.raises(ValueError, match=r"^two layers of family separable for one weight differ"):
        own.follow(SeparableConv2d(8, 16, 3, terms=3, rank=3), bias=False)


DEVICES = [
    pytest.param(name, marks=pytest.mark.skipif(not there(), reason=f"needs a device {name}"))
    for name, there in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available))
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_other_devices_give_what_the_cpu_gives(kind: dict[str, Any], device: str) -> None:
    one = layer(**kind)
    expected = one(IMAGE).detach()
    moved = one.to(device)
    torch.testing.assert_close(moved(IMAGE.to(device)).cpu(), expected, rtol=1e-3, atol=1e-4)
    moved(IMAGE.to(device)).square().mean().backward()
    assert all(p.grad is not None and p.grad.device.type == device for p in moved.parameters())
    fresh = SeparableConv2d(8, 16, 3, padding=1, device=device, **kind)
    assert fresh.blueprints.device.type == device and fresh(IMAGE.to(device)).isfinite().all()

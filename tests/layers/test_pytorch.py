"""What the layer owes to PyTorch: state, copies, compilers, casts, devices, replicas and the cache."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from layer_checks import check_compiled, check_exported
from torch import Tensor, nn

from lcsearch.layers import LinearConv2d, prune_coefficients

KINDS: list[dict[str, Any]] = [{}, {"rank": 2}, {"sparsity": 0.5}, {"groups": 2}, {"compute": "weight"}]


def layer(**options: Any) -> LinearConv2d:
    torch.manual_seed(0)
    made = LinearConv2d(8, 16, 3, padding=1, **{"alpha": 0.25} | options)
    made.set_order(torch.randperm(16))
    prune_coefficients(made, 1.0)
    return made


IMAGE = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_state_copies_and_pickles_give_the_same_output(kind: dict[str, Any]) -> None:
    one = layer(**kind).eval()
    with torch.no_grad():
        expected = one(IMAGE)
        fresh = LinearConv2d(8, 16, 3, padding=1, **{"alpha": 0.25} | kind).eval()
        fresh(IMAGE)
        file = io.BytesIO()
        torch.save(one.state_dict(), file)
        file.seek(0)
        fresh.load_state_dict(torch.load(file, weights_only=True))
        for other in (fresh, copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            torch.testing.assert_close(other(IMAGE), expected, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_meta_layers_get_their_values_later(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    with torch.device("meta"):
        empty = LinearConv2d(8, 16, 3, padding=1, **{"alpha": 0.25} | kind)
    assert empty(IMAGE.to("meta")).shape == (2, 16, 6, 6)
    moved = copy.deepcopy(empty).to_empty(device="cpu")
    moved.load_state_dict(one.state_dict())
    torch.testing.assert_close(moved(IMAGE), one(IMAGE))
    empty.load_state_dict(one.state_dict(), assign=True)
    torch.testing.assert_close(empty(IMAGE), one(IMAGE))
    moved.reset_parameters()
    assert torch.equal(moved.order, torch.arange(16)) and not moved.permuted


@pytest.mark.parametrize("compute", ["weight", "feature"])
@pytest.mark.parametrize("change", ["step", "load", "assign", "data", "mask", "double"])
def test_evaluation_is_never_stale(compute: Any, change: str) -> None:
    one = layer(compute=compute, sparsity=0.5).eval()
    with torch.no_grad():
        one(IMAGE)
    if change == "step":
        optimizer = torch.optim.SGD(one.parameters(), 0.5)
        one(IMAGE).square().mean().backward()
        optimizer.step()
    elif change in ("load", "assign"):
        state = {
            name: torch.randn_like(v) if v.is_floating_point() else v for name, v in one.state_dict().items()
        }
        one.load_state_dict(state, assign=change == "assign")
    elif change == "data":
        one.primary.data = torch.randn_like(one.primary)
    elif change == "mask":
        one.mask[0] = False
    else:
        one.double()
    image = IMAGE.to(one.primary.dtype)
    with torch.no_grad():
        torch.testing.assert_close(one(image), one.to_conv()(image))


def test_evaluation_builds_filters_once_and_training_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    whole = LinearConv2d.filters
    monkeypatch.setattr(LinearConv2d, "filters", lambda self: built.append(1) or whole(self))
    one = layer(compute="weight")
    for mode, expected in ((one.eval, 1), (one.train, 3)):
        mode()
        built.clear()
        with torch.no_grad():
            for _ in range(3):
                one(IMAGE)
        assert len(built) == expected


def test_evaluation_with_gradients_still_gives_gradients() -> None:
    one = layer(compute="weight").eval()
    with torch.no_grad():
        one(IMAGE)
    one(IMAGE).sum().backward()
    assert one.coefficients.grad.abs().sum() > 0
    with torch.inference_mode():
        kept = one(IMAGE)
    torch.testing.assert_close(one(IMAGE.clone().requires_grad_()), kept.clone())


def test_autocast_after_plain_evaluation() -> None:
    one = layer(compute="weight").eval()
    with torch.no_grad():
        exact = one(IMAGE)
        with torch.autocast("cpu", torch.bfloat16):
            cast = one(IMAGE)
        again = one(IMAGE)
    assert cast.dtype == torch.bfloat16
    torch.testing.assert_close(cast.float(), exact, rtol=0.05, atol=0.05)
    assert torch.equal(again, exact)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_training_under_autocast(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    with torch.autocast("cpu", torch.bfloat16):
        loss = one(IMAGE).float().square().mean()
    loss.backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in one.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_compile_captures_the_whole_layer(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    check_compiled(one, IMAGE, one.primary)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_export(kind: dict[str, Any]) -> None:
    check_exported(layer(**kind), IMAGE)


@pytest.mark.parametrize("compute", ["weight", "feature"])
def test_vmap_over_models_in_evaluation(compute: Any) -> None:
    models = [layer(compute=compute).eval() for _ in range(3)]
    for i, model in enumerate(models):
        nn.init.normal_(model.primary, std=i + 1.0)
    params, buffers = torch.func.stack_module_state(models)

    def call(p: dict[str, Tensor], b: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(models[0], (p, b), (IMAGE,))

    with torch.no_grad():
        together = torch.vmap(call)(params, buffers)
        for one, model in zip(together, models, strict=True):
            torch.testing.assert_close(one, model(IMAGE), rtol=1e-4, atol=1e-4)


def test_replicas_compute_the_same() -> None:
    one = layer(compute="weight").double().eval()
    replica = one._replicate_for_data_parallel()
    for name, parameter in one._parameters.items():  # as torch.nn.parallel.replicate does
        if parameter is None:
            replica._parameters[name] = None
        else:
            setattr(replica, name, parameter.detach() * 2)
    image = IMAGE.double()
    with torch.no_grad():
        expected = one(image)
        assert not torch.allclose(replica(image), expected)
        assert torch.equal(one(image), expected)
        together = nn.DataParallel(one)  # moves the layer to the first GPU, where there is one
        torch.testing.assert_close(together(image).cpu(), expected)


def test_channels_last_goes_in_and_out() -> None:
    one = layer(compute="feature").to(memory_format=torch.channels_last)
    out = one(IMAGE.contiguous(memory_format=torch.channels_last))
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_cuda_gives_what_the_cpu_gives(kind: dict[str, Any]) -> None:
    one = layer(**kind).double()
    expected = one(IMAGE.double())
    torch.testing.assert_close(one.cuda()(IMAGE.double().cuda()).cpu(), expected)


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs an MPS device")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_mps_gives_what_the_cpu_gives(kind: dict[str, Any]) -> None:
    one = layer(**kind)
    expected = one(IMAGE)
    torch.testing.assert_close(one.to("mps")(IMAGE.to("mps")).cpu(), expected, rtol=1e-4, atol=1e-4)

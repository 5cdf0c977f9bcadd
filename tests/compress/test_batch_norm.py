"""Batch norm statistics against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from live_bytes import LiveBytes
from torch import nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.layers.families.basis import BasisSpec
from lcsearch.nets import surgery


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten(), nn.BatchNorm1d(48)
    )


@pytest.mark.parametrize("batch_size", [100, 7, 2])
@pytest.mark.parametrize("training", [True, False])
def test_statistics_are_the_exact_averages(batch_size: int, training: bool) -> None:
    model = net().train(training)
    modes = [module.training for module in model.modules()]
    images = torch.randn(15, 2, 6, 6) * 3 + 1
    reestimate(model, images, batch_size)
    values = model[0](images).detach().double().numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    norm = model[1]
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    assert np.allclose(norm.running_mean.numpy(), values.mean(1), atol=1e-6)
    assert np.allclose(norm.running_var.numpy(), values.var(1, ddof=1), rtol=1e-5)
    assert (
        norm.num_batches_tracked is not None and int(norm.num_batches_tracked) == 0 and norm.momentum == 0.1
    )
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_with_one_batch_evaluation_gives_what_was_measured() -> None:
    model = net().eval()
    images = torch.randn(15, 2, 6, 6)
    reestimate(model, images)
    out = model(images).detach().double().numpy()
    assert np.allclose(out.mean(0), 0, atol=3e-3)  # not exact: the variance is stored times n / (n - 1)
    assert np.allclose(out.var(0, ddof=1), 1, rtol=6e-3)


def test_small_spreads_of_large_values_are_exact() -> None:
    """The mean of a batch lies between two float32 numbers; the values are a few of these apart."""
    norm, images = nn.BatchNorm2d(2), 4096 + torch.randint(0, 5, (12, 2, 1, 3)) * 2.0**-11
    reestimate(norm, images, batch_size=2)
    values = images.double().numpy().transpose(1, 0, 2, 3).reshape(2, -1)
    assert norm.running_var is not None and norm.running_mean is not None
    assert np.allclose(norm.running_var.numpy(), values.var(1, ddof=1), rtol=1e-6, atol=0)
    assert np.allclose(norm.running_mean.numpy(), values.mean(1), rtol=1e-7, atol=0)


def test_many_images_are_summed_in_parts() -> None:
    """As float64 all of them at once would take twice the memory of what goes through the model."""
    images, norm = torch.randn(40, 16, 128, 128) + 3, nn.BatchNorm2d(16)
    size = images.nbytes
    with LiveBytes() as live:
        reestimate(norm, images)
    assert live.peak < 2.6 * size  # what goes in, and what comes out
    values = images.double().numpy()
    assert norm.running_mean is not None and norm.running_var is not None
    assert np.allclose(norm.running_mean.numpy(), values.mean((0, 2, 3)), rtol=1e-7)
    count = values.size // 16
    assert np.allclose(norm.running_var.numpy(), values.var((0, 2, 3)) * count / (count - 1), rtol=1e-6)


def test_two_values_are_enough() -> None:
    norm = nn.BatchNorm1d(2)
    reestimate(norm, torch.tensor([[1.0, 5.0], [2.0, 9.0]]))
    assert norm.running_mean is not None and norm.running_mean.tolist() == [1.5, 7.0]
    assert norm.running_var is not None and norm.running_var.tolist() == [0.5, 8.0]


def test_what_has_no_statistics_or_no_images_is_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.BatchNorm2d(3, track_running_stats=False))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    reestimate(model, torch.randn(1, 2, 6, 6))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    plain = nn.Conv2d(2, 3, 3)
    weight = plain.weight.clone()
    reestimate(plain, torch.randn(4, 2, 6, 6))
    assert torch.equal(plain.weight, weight)


def test_a_layer_that_is_not_called_keeps_its_statistics() -> None:
    model = net()
    model.add_module("spare", nn.Identity())
    model[4].register_module("idle", nn.BatchNorm1d(2))
    reestimate(model, torch.randn(4, 2, 6, 6))
    idle = model[4].get_submodule("idle")
    assert torch.equal(idle.running_mean, torch.zeros(2))  # type: ignore[arg-type]


def test_a_failing_model_is_put_back() -> None:
    model = net()
    with pytest.raises(RuntimeError):
        reestimate(model, torch.randn(4, 3, 6, 6))
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert model[1].momentum == 0.1 and model.training


class OneByOne(nn.Module):
    """Gives its layers one image at a time, without a batch."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.body(image) for image in images])


@pytest.mark.parametrize("together", [True, False])
def test_a_batch_norm_inside_a_layer_takes_what_it_gets_and_goes_on_to_do_what_it_did(together: bool) -> None:
    torch.manual_seed(0)
    trained, images = (
        nn.Sequential(nn.Conv2d(3, 12, 3), nn.Conv2d(12, 12, 3)),
        3 * torch.randn(20, 3, 8, 8) + 1,
    )
    body = surgery.compress(trained, {"1": BasisSpec(12, train_basis=True)}, keep_hopeless=True).eval()
    norm, before = body[1].norm, body(images).detach()
    reestimate(body if together else OneByOne(body), images, batch_size=7)
    values = body[1].answers(body[0](images)).detach().double().numpy()
    assert np.allclose(norm.mean.numpy(), values.mean((0, 2, 3)), rtol=1e-4, atol=1e-4)
    assert np.allclose(norm.variance.numpy(), values.var((0, 2, 3), ddof=1), rtol=1e-3)
    assert torch.allclose(body(images), before, rtol=1e-3, atol=1e-3)

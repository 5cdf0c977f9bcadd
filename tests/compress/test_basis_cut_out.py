"""Basis layers that are cut out of a trained net: against LinearConv's, which span the same filters."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import How, compress_trained
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.families.basis import BasisSpec
from lcsearch.layers.families.linear import LinearSpec


def net() -> nn.Sequential:
    """The second convolution has a bias, the first a batch norm behind it."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4),
    ).eval()  # fmt: skip


def images() -> Tensor:
    noise = torch.randn(80, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    return nn.functional.avg_pool2d(noise, 3, 1, 1) * 3 + 0.5


def cut(spec: LayerSpec, how: How) -> nn.Module:
    model = compress_trained(net(), {"0": spec, "3": spec}, images(), how=how)
    reestimate(model, images())
    return model.eval()


@pytest.mark.parametrize("how", ["responses", "filters"])
@pytest.mark.parametrize("spec", [BasisSpec(3), BasisSpec(3, train_basis=True)], ids=str)
def test_what_is_cut_out_answers_as_a_linear_layer_of_as_many_filters(spec: BasisSpec, how: How) -> None:
    made, linear = cut(spec, how), cut(LinearSpec(0.25), how)
    with torch.no_grad():
        torch.testing.assert_close(made(images()), linear(images()), rtol=1e-3, atol=1e-4)
        assert not torch.allclose(made(images()), net()(images()), rtol=1e-2, atol=1e-3)


def test_training_goes_on_from_there_where_the_bank_trains() -> None:
    """Its batch norm then takes the images at hand, and does to them what it did."""
    made = cut(BasisSpec(3, train_basis=True), "responses")
    with torch.no_grad():
        before = made(images())
        torch.testing.assert_close(made.train()(images()), before, rtol=1e-2, atol=1e-2)
        unsettled = compress_trained(net(), {"3": BasisSpec(3, train_basis=True)}, images())
        before = unsettled.eval()(images())
        assert not torch.allclose(unsettled.train()(images()), before, rtol=1e-2, atol=1e-2)


def test_a_random_bank_stays_and_loses_more() -> None:
    made = cut(BasisSpec(3, bank_seed=5), "filters")
    assert torch.equal(made[0].bank, made[0].implied()["bank"])
    with torch.no_grad():
        plain = net()(images())
        lost = [float((model(images()) - plain).norm()) for model in (made, cut(BasisSpec(3), "filters"))]
    assert lost[0] > lost[1]

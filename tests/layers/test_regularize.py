from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.layers import LinearConv2d, correlation_loss
from lcsearch.layers.regularize import correlation, correlation_of


def numpy_loss(layer: LinearConv2d) -> float:
    return float(
        np.abs(np.corrcoef(layer.primary.detach().flatten(1).numpy()) - np.eye(len(layer.primary))).sum()
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_sum_and_mean_are_numpys(scale: float) -> None:
    torch.manual_seed(0)
    first, second = LinearConv2d(3, 16, 3, alpha=0.5), LinearConv2d(16, 40, 3, alpha=0.25)
    with torch.no_grad():
        first.primary.mul_(scale)
    net = nn.Sequential(first, nn.ReLU(), nn.Sequential(second), nn.Conv2d(40, 4, 1))
    total = numpy_loss(first) + numpy_loss(second)
    assert float(correlation_loss(net, "sum").detach()) == pytest.approx(total, rel=1e-4)
    mean = numpy_loss(first) / 56 + numpy_loss(second) / 90
    assert float(correlation_loss(net).detach()) == pytest.approx(mean, rel=1e-4)


def test_one_filter_or_no_layer_costs_nothing() -> None:
    assert correlation_loss(LinearConv2d(3, 16, 3, alpha=1 / 16)) == 0
    assert correlation_loss(nn.Conv2d(3, 16, 3), "sum") == 0


def test_two_filters_have_one_pair() -> None:
    torch.manual_seed(0)
    layer = LinearConv2d(3, 16, 3, alpha=1 / 8)
    assert float(correlation_loss(layer, "sum").detach()) == pytest.approx(numpy_loss(layer), rel=1e-4)
    assert float(correlation_of([layer]).detach()) == pytest.approx(numpy_loss(layer) / 2, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e20])
def test_a_constant_filter_has_a_finite_loss_and_gradient(value: float) -> None:
    torch.manual_seed(0)
    layer = LinearConv2d(3, 8, 3, alpha=0.5)
    with torch.no_grad():
        layer.primary[1] = value
    loss = correlation_loss(layer, "sum")
    loss.backward()
    others = layer.primary.detach()[[0, 2, 3]].flatten(1).numpy()
    assert float(loss.detach()) == pytest.approx(np.abs(np.corrcoef(others) - np.eye(3)).sum(), rel=1e-4)
    assert torch.isfinite(layer.primary.grad).all() and layer.primary.grad.abs().max() < 1e3


def test_equal_filters_cost_one_a_pair() -> None:
    layer = LinearConv2d(3, 8, 3, alpha=0.5)
    with torch.no_grad():
        layer.primary.copy_(layer.primary[:1].expand_as(layer.primary))
    assert float(correlation_loss(layer).detach()) == pytest.approx(1.0, rel=1e-5)
    assert float(correlation_loss(layer, "sum").detach()) == pytest.approx(12.0, rel=1e-5)


def test_unknown_reduction() -> None:
    reduction: Any = "max"
    with pytest.raises(ValueError) as caught:
        correlation_loss(nn.Conv2d(1, 1, 1), reduction)
    assert str(caught.value) == "reduction='max' must be 'mean' or 'sum'"


def test_filters_that_are_nearly_constant_count_like_others() -> None:
    filters = 1 + 1e-3 * torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    expected = np.corrcoef(filters.double().flatten(1).numpy()) - np.eye(4)
    np.testing.assert_allclose(correlation(filters).numpy(), expected, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loss_has_the_type_of_the_layers_even_under_autocast(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = LinearConv2d(3, 16, 3, alpha=0.5, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        loss = correlation_loss(layer, "sum").detach()
    assert loss.dtype == dtype
    assert float(loss) == pytest.approx(numpy_loss(layer), rel=1e-4)

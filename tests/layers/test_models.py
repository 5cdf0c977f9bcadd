"""What is asked of all layers of a model at once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lcsearch.layers import LinearConv2d, models
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import LinearSpec


def net() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.ReLU(), LinearConv2d(8, 8, 3, alpha=0.5, sparsity=0.5))
    return nn.Sequential(LinearConv2d(3, 8, 3, alpha=0.5, rank=2), inner, nn.Conv2d(8, 4, 1))


def test_layers_are_found_by_name_in_order() -> None:
    model = net()
    found = models.family_layers(model)
    assert list(found) == ["0", "1.1"]
    assert found["1.1"] is model[1][1]
    specs = [models.spec_of(layer) for layer in (model[0], model[1][1], model[2])]
    assert specs == [LinearSpec(0.5, rank=2), LinearSpec(0.5, sparsity=0.5), ConvSpec()]


def test_parameters_that_do_not_decay_and_that_are_pruned() -> None:
    model = net()
    low, sparse = models.family_layers(model).values()
    assert isinstance(low, LinearConv2d) and isinstance(sparse, LinearConv2d)
    assert models.undecayed(model) == [low.column, low.row, sparse.coefficients]
    assert models.prunable(model) == [sparse.coefficients]


@pytest.mark.parametrize("pairs", [12, 1])
def test_the_regularizer_is_summed_over_layers(pairs: int) -> None:
    model = net()
    for layer in models.family_layers(model).values():
        assert isinstance(layer, LinearConv2d)
        with torch.no_grad():
            layer.primary.copy_(layer.primary[:1].expand_as(layer.primary))
    # Four equal filters: each of their twelve pairs costs one.
    loss = models.regularization(model, "sum") if pairs == 12 else models.regularization(model)
    assert float(loss.detach()) == pytest.approx(2 * pairs, rel=1e-4)


def test_a_plain_model_has_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1))
    assert models.family_layers(model) == {} and models.regularization(model) == 0
    assert models.undecayed(model) == models.prunable(model) == []

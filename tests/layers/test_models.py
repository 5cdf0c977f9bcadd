"""What is asked of all layers of a model at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from bank_family import BankFamily, BankLayer, BankSpec
from plugin_files import installed
from torch import nn

from lcsearch.layers import LinearConv2d, models
from lcsearch.layers.bank_norm import BankNorm, InnerNorm
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


class Hurried(BankLayer):
    """A layer whose bank learns faster, and which has a batch norm inside."""

    def inner_norm(self) -> InnerNorm:
        return self.inner

    def faster(self) -> tuple[float, list[nn.Parameter]]:
        return 3.0, [self.bank]


def test_batch_norms_inside_and_parameters_that_learn_faster() -> None:
    layer = Hurried(nn.Conv2d(3, 8, 3), BankSpec(2, "b"), nn.Parameter(torch.randn(2, 9)))
    layer.inner = InnerNorm(BankNorm(2), torch.relu)
    model = nn.Sequential(net(), layer, nn.BatchNorm2d(8))
    assert models.inner_norms(model) == [(layer, layer.inner)]
    assert models.faster(model) == {layer.bank: 3.0}


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


class Weighed(BankFamily):
    """Its layers cost five, whatever they are."""

    name = "weighed"

    def regularization(self, layers: object, reduction: object) -> torch.Tensor:
        return torch.tensor(5.0)


class WeighedLayer(BankLayer):
    family = "weighed"


WEIGHED = Weighed()


def test_the_regularizer_is_summed_over_families(tmp_path: Path) -> None:
    kernels = nn.Parameter(torch.ones(2, 9))
    other = WeighedLayer(nn.Conv2d(4, 4, 3), BankSpec(2, "b"), kernels)
    linear = float(models.regularization(net()).detach())
    entries = {"lcsearch.families": {"weighed": f"{__name__}:WEIGHED"}}
    with installed(tmp_path, "weighed", "1.0", entries, {}):
        found = models.regularization(nn.Sequential(net(), other))
    assert float(found.detach()) == pytest.approx(linear + 5.0)


def test_a_plain_model_has_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1))
    assert models.family_layers(model) == {} and models.regularization(model) == 0
    assert models.undecayed(model) == models.prunable(model) == []

"""What decays, and what is added to the loss, against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.layers import LinearConv2d, SeparableConv2d
from lcsearch.train.optimizer import cut_norm, make_optimizer, penalty


def make_net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        LinearConv2d(8, 16, 3, alpha=0.5, sparsity=0.5),
        LinearConv2d(16, 16, 3, alpha=0.25, rank=2),
        LinearConv2d(16, 16, 3, alpha=0.25),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


def test_filters_and_matrices_decay_and_nothing_else() -> None:
    model = make_net()
    decayed, spared = make_optimizer(model, Recipe(lr=0.3, momentum=0.7, weight_decay=0.1)).param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    assert [names[id(p)] for p in decayed["params"]] == [
        "0.weight", "2.primary", "3.primary", "4.primary", "6.weight"
    ]  # fmt: skip
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert len(spared["params"]) + 5 == len(names)
    assert all(group["lr"] == 0.3 and group["momentum"] == 0.7 for group in (decayed, spared))


def test_what_learns_faster_moves_by_so_much_more_and_decays_by_the_same() -> None:
    """One step of plain SGD: p - rate lr (gradient + decay p / rate)."""
    torch.manual_seed(0)
    model = nn.Sequential(SeparableConv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3))
    optimizer = make_optimizer(model, Recipe(lr=0.1, momentum=0.0, weight_decay=0.25))
    for group in optimizer.param_groups:
        group["lr"] = 0.1 * group["faster"]
    before = {name: p.detach().double().numpy().copy() for name, p in model.named_parameters()}
    model(torch.randn(2, 3, 8, 8)).square().mean().backward()
    optimizer.step()
    for name, p in model.named_parameters():
        rate = 8.0 if name in ("0.blueprints", "0.mixing") else 1.0
        decay = 0.25 if p.ndim > 1 else 0.0
        assert p.grad is not None
        expected = before[name] - 0.1 * (rate * p.grad.double().numpy() + decay * before[name])
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, True), (0.0, False)])
def test_momentum_is_nesterovs_where_there_is_one(momentum: float, nesterov: bool) -> None:
    assert make_optimizer(make_net(), Recipe(momentum=momentum)).defaults["nesterov"] is nesterov


def test_steps_are_those_of_the_plain_way_but_for_rounding() -> None:
    """Nesterov's momentum in float64, from its published formula."""
    model, recipe = make_net(), Recipe(lr=0.3, momentum=0.7, weight_decay=0.1)
    optimizer = make_optimizer(model, recipe)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    wanted = [p.detach().double().numpy().copy() for p in model.parameters()]
    speeds = [np.zeros_like(own) for own in wanted]
    for step in range(3):
        for place, parameter in enumerate(model.parameters()):
            parameter.grad = torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(100 * step + place)
            )
            slope = parameter.grad.double().numpy() + decays[id(parameter)] * wanted[place]
            speeds[place] = slope if step == 0 else 0.7 * speeds[place] + slope
            wanted[place] -= 0.3 * (slope + 0.7 * speeds[place])
        optimizer.step()
    for own, parameter in zip(wanted, model.parameters(), strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), own, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1e-9, 0.03, 1.0, 40.0, math.inf, math.nan])
def test_gradients_are_cut_as_pytorch_cuts_them_to_the_last_bit(size: float) -> None:
    ours, theirs = make_net(), make_net()
    for model in (ours, theirs):
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, size / 100)
        model[1].weight.grad = None
    cut_norm(ours, 1.0)
    nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert (own.grad is None) == (other.grad is None)
        if own.grad is not None and other.grad is not None:
            assert own.grad.numpy().tobytes() == other.grad.numpy().tobytes()


def correlation(model: nn.Sequential) -> float:
    """Mean over all pairs of different primary filters, summed over layers."""
    total = 0.0
    for layer in model:
        if isinstance(layer, LinearConv2d):
            matrix = np.abs(np.corrcoef(layer.primary.detach().double().flatten(1).numpy()))
            total += float(matrix[~np.eye(len(matrix), dtype=bool)].mean())
    return total


def test_correlation_is_added_on_its_steps_alone() -> None:
    model, recipe = make_net(), Recipe()
    regularizer = Regularizer(weight=3.0, every=4)
    with torch.no_grad():
        added = [float(penalty(model, recipe, regularizer, step)) for step in range(9)]
    expected = 3.0 * correlation(model)
    assert added == pytest.approx([expected, 0, 0, 0, expected, 0, 0, 0, expected], rel=1e-5)
    assert penalty(model, recipe, Regularizer(weight=0.0, every=1), 0) == 0.0


def test_only_sparse_coefficients_are_drawn_to_zero() -> None:
    model = make_net()
    sparse = model[2].coefficients
    assert isinstance(sparse, nn.Parameter)
    with torch.no_grad():
        added = penalty(model, Recipe(coefficient_l1=0.25), Regularizer(weight=0.0), 1)
    assert float(added) == pytest.approx(0.25 * np.abs(sparse.detach().numpy()).sum(), rel=1e-5)

"""Which parameters decay, and what is added to the loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.layers.models import prunable, regularization, undecayed


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov momentum in two groups: what decays, and what does not.

    Biases, batch norm (every parameter of one dimension) and coefficients do not decay: decay
    would pull the generated filters towards zero, twice over for low-rank coefficients.
    """
    exempt = {id(parameter) for parameter in undecayed(model)}
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for parameter in model.parameters():
        spared = parameter.ndim < 2 or id(parameter) in exempt
        (kept if spared else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def penalty(model: nn.Module, recipe: Recipe, regularizer: Regularizer, step: int) -> Tensor | float:
    """Penalties that a step (0 for the first) adds to the cross entropy: the regularizer's, and an L1 one."""
    total: Tensor | float = 0.0
    if regularizer.weight > 0 and step % regularizer.every == 0:
        total = total + regularizer.weight * regularization(model, regularizer.reduction)
    if recipe.coefficient_l1 > 0:
        for pruned in prunable(model):
            total = total + recipe.coefficient_l1 * pruned.abs().sum()
    return total

"""Which parameters decay, and what is added to the loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.layers.models import faster, prunable, regularization, undecayed


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov momentum in two groups: what decays, and what does not; then what learns faster.

    Biases, batch norm (every parameter of one dimension) and coefficients do not decay: decay
    would pull the generated filters towards zero, twice over for low-rank coefficients.

    The groups say how many times the learning rate they get (``faster``). What learns faster decays by as
    much less, so that a step of decay takes the same share of all.
    """
    exempt, rates = set(undecayed(model)), faster(model)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {(1.0, True): [], (1.0, False): []}
    for parameter in model.parameters():
        decays = parameter.ndim >= 2 and parameter not in exempt
        groups.setdefault((rates.get(parameter, 1.0), decays), []).append(parameter)
    made = [
        {"params": own, "weight_decay": recipe.weight_decay / rate * decays, "faster": rate}
        for (rate, decays), own in groups.items()
    ]
    return torch.optim.SGD(
        made,
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        fused=all(map(_in_one_pass, model.parameters())),
    )


def cut_norm(model: nn.Module, most: float) -> None:
    """Cut the norm of a model's whole gradient: as ``nn.utils.clip_grad_norm_`` does, to the last bit.

    That one multiplies by 1 where the norm is allowed, so as not to wait for a GPU; here a CPU, which knows
    the norm already, is spared that.

    Args:
        model: Its parameters' gradients are changed in place.
        most: The norm that is allowed.
    """
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    if norm.device.type != "cpu" or not most / (norm + 1e-6) >= 1:
        nn.utils.clip_grads_with_norm_(model.parameters(), most, norm)


def _in_one_pass(parameter: nn.Parameter) -> bool:
    """Whether PyTorch has a step that reads and writes such a parameter once, not once for each term."""
    return parameter.is_floating_point() and parameter.device.type in ("cpu", "cuda", "mps")


def regularized(regularizer: Regularizer, step: int) -> bool:
    """Whether a step (0 for the first) has the regularizer in its loss."""
    return regularizer.weight > 0 and step % regularizer.every == 0


def penalty(model: nn.Module, recipe: Recipe, regularizer: Regularizer, step: int) -> Tensor | float:
    """Penalties that a step (0 for the first) adds to the cross entropy: the regularizer's, and an L1 one."""
    total: Tensor | float = 0.0
    if regularized(regularizer, step):
        total = total + regularizer.weight * regularization(model, regularizer.reduction)
    if recipe.coefficient_l1 > 0:
        for pruned in prunable(model):
            total = total + recipe.coefficient_l1 * pruned.abs().sum()
    return total

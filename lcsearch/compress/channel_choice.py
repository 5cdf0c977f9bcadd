"""Which channels of a layer stay, and what the layers that read them make of those: mathematics on tensors.

What reads channels x (c) answers B x. Without some of them it can answer B' x_S, and the best B' is B_S and
whatever of the others x_S tells: least squares, with a ridge around B_S. What is then lost is what the kept
channels do not tell of the others, each channel counting by the weights with which it is read. For the choice
that is measured channel by channel, whatever the kernels: the trace of the Schur complement of the weighted
covariance, a matrix (c, c). Taking the channel that lowers it most, then the next, is pivoted Cholesky
decomposition by the largest gain.
"""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 1e-2
"""Share of the inputs' mean variance that draws weights to the old ones (docs/trained.md)."""
_TOLD = 1e-6
"""Share of the need below which the channels that are chosen tell all of the others, apart from rounding."""


def need_of(moments: Tensor, mean: Tensor | None, matters: Tensor) -> Tensor:
    """The need for channels: how much an answer loses without them, and what they tell of each other.

    Args:
        moments: (c, c) second moments of the channels, float64.
        mean: (c,) their means, where a bias or a batch norm takes these up; None where nothing does.
        matters: (c,) how much an error in each channel matters.

    Returns:
        (c, c), symmetric, float64. Needs of several readers add up.
    """
    covariance = moments if mean is None else moments - mean[:, None] * mean
    return matters[:, None] * covariance * matters


def by_need(need: Tensor, count: int, blocks: int = 1) -> list[int]:
    """Choose channels, one after the other, each the one that leaves the least need.

    Once the chosen ones tell all of the others, those that are needed most by themselves follow.

    Args:
        need: (c, c), as `need_of` returns it.
        count: How many, at most c.
        blocks: Equal parts of the channels, one after another, that give one channel each in turn.

    Returns:
        Their numbers in the order of the choice: fewer channels are the first ones of more.
    """
    size, own = len(need), need.diagonal().clamp_min(0)
    left, gain, tiny = own.clone(), need.square().sum(0), _TOLD * own.mean()
    lost = torch.zeros(size, 0, dtype=need.dtype)
    order: list[int] = []
    while len(order) < count:
        open_ = _open(order, size, blocks)
        tells = float(left.sum()) > _TOLD * float(own.sum())
        score = gain / (left + tiny) if tells else own
        place = int(torch.where(open_, score, -torch.inf).argmax())
        order.append(place)
        if tells:
            column = (need[:, place] - lost @ lost[place]) / (left[place] + tiny).sqrt()
            told = need @ column - lost @ (lost.T @ column)
            gain = gain - 2 * column * told + column**2 * (column @ column)
            left = (left - column**2).clamp_min(0)
            lost = torch.cat([lost, column[:, None]], 1)
    return order


def _open(order: list[int], size: int, blocks: int) -> Tensor:
    """Which channels may be chosen next: those of blocks that have given no more than others."""
    free = torch.ones(size, dtype=torch.bool)
    free[order] = False
    turn = order[len(order) - len(order) % blocks :]
    for place in turn:
        free.view(blocks, -1)[place * blocks // size] = False
    return free


def solved(
    inputs: Tensor, wanted: Tensor, weight: Tensor, *, centred: bool, ridge: float = RIDGE
) -> tuple[Tensor, Tensor]:
    """Solve for the weights with which inputs tell best what is wanted.

    Ridge regression around the old weights: where inputs and answers are as before, nothing changes.

    Args:
        inputs: (n, d).
        wanted: (n, out).
        weight: (out, d), the old weights.
        centred: Whether means do not count, because a bias or a batch norm takes them up.
        ridge: Share of the mean variance of the inputs.

    Returns:
        (out, d) weights, and (out,) the bias that makes the means equal; both as the old weights' type.
    """
    mean, wish = inputs.mean(0), wanted.mean(0)
    x = inputs - mean if centred else inputs
    error = (wanted - wish if centred else wanted) - x @ weight.T
    count, size = x.shape
    damp = ridge * x.square().mean() + torch.finfo(x.dtype).tiny
    if size <= count:
        step = _divided(x.T @ error / count, _system(x.T, count, damp))
    else:  # the same by another way, whose system is smaller
        step = x.T @ _divided(error / count, _system(x, count, damp))
    found = weight + step.T
    return found, wish - found @ mean


def _system(rows: Tensor, count: int, damp: Tensor) -> Tensor:
    """Rows times rows by a count, the diagonal damped, in float64, on the CPU."""
    gram = rows @ rows.T
    system = gram.div_(count).double().cpu()
    system.diagonal().add_(damp.double().cpu())
    return system


def _divided(right: Tensor, system: Tensor) -> Tensor:
    """Solve system y = right in float64, on the CPU; the system, which may be large, is overwritten."""
    failed = torch.zeros((), dtype=torch.int32)
    torch.linalg.cholesky_ex(system, out=(system, failed))
    answer = torch.cholesky_solve(right.double().cpu(), system)
    return (answer if not failed else torch.full_like(answer, torch.nan)).to(right)

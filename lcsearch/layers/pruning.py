"""Sparse coefficients: pruned by magnitude, per layer, on a cubic schedule, in training steps only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.layers.layer import FamilyLayer

PRUNE_START = 0.02
"""Default share of the training after which pruning begins."""
PRUNE_END = 0.2
"""Default share of the training after which every sparse layer has exactly its target."""


def pruned_share(progress: float, start: float = PRUNE_START, end: float = PRUNE_END) -> float:
    """Return the share of the target sparsity that is reached, 0 to 1: 1 - (1 - t)^3 of t from start to end.

    The cubic schedule of Zhu and Gupta (arXiv 1710.01878): fast while many coefficients are redundant.

    Raises:
        ValueError: progress is not in [0, 1], or not 0 <= start <= end <= 1.
    """
    if not 0.0 <= progress <= 1.0:
        raise ValueError(f"progress={progress!r} must be in [0, 1]")
    if not 0.0 <= start <= end <= 1.0:
        raise ValueError(f"start={start!r} and end={end!r} must be 0 <= start <= end <= 1")
    if progress >= end:
        return 1.0
    return 1.0 - (1.0 - (progress - start) / (end - start)) ** 3 if progress > start else 0.0


def smallest_masked(coefficients: Tensor, mask: Tensor, zeros: int) -> Tensor:
    """Return a mask with exactly ``zeros`` zeros (more if it had more): what was zero, then the smallest.

    Args:
        coefficients: Any shape.
        mask: Same shape, bool; False is zero already.
        zeros: How many entries shall be False.
    """
    magnitude = torch.where(mask, coefficients.detach().abs(), -1.0).flatten()
    drop = magnitude.argsort(stable=True)[:zeros]
    return mask.flatten().index_fill(0, drop, False).view_as(mask)


def prune_coefficients(
    model: nn.Module, progress: float, *, start: float = PRUNE_START, end: float = PRUNE_END
) -> None:
    """Prune sparse coefficients as far as the schedule says; call it after each training step.

    Layers in evaluation mode are left alone. From ``end`` on, each sparse layer in training mode holds
    exactly ``arithmetic.kept`` coefficients; what was pruned never comes back.

    Args:
        model: Any module.
        progress: Share of the training that is done, 0 to 1.
        start: Share at which pruning begins.
        end: Share at which the target is reached; keep it at or before the first rung.

    Raises:
        ValueError: A share is out of its range.
    """
    share = pruned_share(progress, start, end)
    for layer in model.modules():
        if isinstance(layer, FamilyLayer) and layer.training:
            layer.prune(share)

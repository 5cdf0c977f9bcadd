"""The correlation loss: primary filters that resemble each other waste parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lcsearch.core.spec import Reduction
from lcsearch.layers.filters import LinearFilters


def correlation(filters: Tensor) -> Tensor:
    """Return the Pearson correlation of flattened filters, with 0 on the diagonal and for constant filters.

    Args:
        filters: (p, ...) filters.

    Returns:
        (p, p) tensor, the correlation matrix minus the identity. Its gradient is finite everywhere.
    """
    flat = filters.flatten(1)
    centred = flat - flat.mean(dim=1, keepdim=True)
    info = torch.finfo(flat.dtype)
    # What is left of a constant filter is rounding: dividing by it would blow up the gradient.
    floor = (100 * info.eps**2 * flat.detach().square().sum(1)).clamp_min(info.tiny)
    energy = centred.square().sum(1)
    scale = torch.where(energy > floor, energy, floor).rsqrt() * (energy > floor)
    unit = centred * scale[:, None]
    diagonal = torch.eye(len(flat), dtype=torch.bool, device=flat.device)
    return (unit @ unit.T).masked_fill(diagonal, 0.0)


def correlation_loss(model: nn.Module, reduction: Reduction = "mean") -> Tensor:
    """Return the correlation loss of the LinearConv layers of a model; 0 where there is none.

    Args:
        model: Any module.
        reduction: ``mean`` or ``sum``, as for `correlation_of`.

    Raises:
        ValueError: The reduction is neither.
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction={reduction!r} must be 'mean' or 'sum'")
    found = [layer for layer in model.modules() if isinstance(layer, LinearFilters)]
    layers = [layer for layer in found if layer.lead is None]
    return correlation_of(layers, reduction) if layers else torch.zeros(())


def correlation_of(layers: Sequence[LinearFilters], reduction: Reduction = "mean") -> Tensor:
    """Return the correlation loss of the primary filters, summed over LinearConv layers.

    One layer's loss is the sum of abs(corr - I) (arXiv 1907.11432), or its mean over the p * (p - 1) pairs
    off the diagonal: the sum grows with p squared. A layer with one primary filter adds 0.

    Args:
        layers: At least one layer.
        reduction: ``mean`` or ``sum``.

    Returns:
        A scalar in the layers' dtype.
    """
    total = layers[0].primary.new_zeros(())
    for layer in layers:
        p = len(layer.primary)
        if p > 1:
            with torch.autocast(layer.primary.device.type, enabled=False):
                loss = correlation(layer.primary).abs().sum()
            total = total + (loss / (p * (p - 1)) if reduction == "mean" else loss)
    return total

"""The basis filters that are closest to given ones.

As a matrix (out, in * kh * kw) the filters w F have rank Q at most, and with any bank of Q they can be any
matrix of that rank. So the best is the projection of the given ones on the Q leading eigenvectors of the
measure of closeness (Eckart and Young). Where filters are compared number by number, that is their singular
value decomposition H = U S V^T cut off: F = V_Q^T and w = H F^T. By another measure F spans the rows of the
projection in the same way.

Of a bank that is given, only the mixing is solved for, number by number: w = H F^T for orthonormal rows. All
in float64.
"""

from __future__ import annotations

from bisect import bisect_left

import torch
from torch import Tensor

from lcsearch.layers.basis_filters import BasisFilters
from lcsearch.layers.closeness import Closeness, Target


@torch.no_grad()
def fit(layer: BasisFilters, target: Target) -> None:
    """Give a layer the bank and the mixing that make its filters closest to given ones.

    Args:
        layer: Gets all but its bias; a batch norm does nothing to the filters then.
        target: Filters (out, in, kh, kw), and how much two of them do the same.
    """
    filters = target.filters.flatten(1)
    if layer.bank_seed is not None:
        bank = layer.bank.double().cpu().flatten(1)
        layer.mixing.copy_(torch.linalg.lstsq(bank.T, filters.T).solution.T)
        return
    bank, mixing = closest(filters, layer.count, target.closeness)
    layer.bank.copy_(bank.view(layer.bank.shape))
    layer.mixing.copy_(mixing)
    if layer.norm is not None:
        layer.norm.reset()


def closest(filters: Tensor, count: int, closeness: Closeness) -> tuple[Tensor, Tensor]:
    """Return the bank (Q, n), orthonormal, and the mixing (out, Q) that come closest to filters.

    Args:
        filters: (out, n), float64, on the CPU.
        count: Q, at most min(out, n).
        closeness: How much two filters do the same.
    """
    leading, weight = closeness.vectors[:, -count:], closeness.weight[:, None]
    kept = leading @ (leading.T @ (weight * filters)) / weight
    bank: Tensor = torch.linalg.svd(kept, full_matrices=False)[2][:count]
    return bank, kept @ bank.T


def filters_for(filters: Tensor, energy: float) -> int:
    """Return the fewest filters of a bank that keep a share of the squares of all numbers.

    Args:
        filters: (out, ...), float64, on the CPU.
        energy: The share, in (0, 1].

    Raises:
        ValueError: The share is out of its range.
    """
    if not 0 < energy <= 1:
        raise ValueError(f"energy={energy!r} must be in (0, 1]")
    return 1 + bisect_left(kept_by(filters), energy)


def kept_by(filters: Tensor) -> list[float]:
    """Return what share of the squares of all numbers 1, 2, ... filters of a bank keep, up to the most.

    What is rounded counts as kept: the last shares may be a little above 1.

    Args:
        filters: (out, ...), float64, on the CPU.
    """
    kept = torch.linalg.svdvals(filters.flatten(1)).square().cumsum(0)
    if kept[-1] == 0:
        return [1.0] * len(kept)
    found: list[float] = (kept / (kept[-1] * (1 - torch.finfo(kept.dtype).eps * len(kept)))).tolist()
    return found

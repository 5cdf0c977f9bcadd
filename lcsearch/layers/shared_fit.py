"""The shared and unique filters that come closest to the filters of several trained convolutions.

With W_l the (out, f) filters of convolution l, S the bank, U_l its unique filters and A_l its mixing, the sum
over l of |W_l - A_l [U_l; S]|^2 is to be small. It starts in closed form: S are the leading right singular
vectors of all W_l, one below the other, and U_l those of what S leaves of W_l (Eckart and Young). Without
unique filters that is the best there is. With them, S and the U_l are solved for in turn: given A_l and U_l
the best S is that of a least squares problem, and given S the best U_l are as at the start. No step makes the
sum larger.

Filters are not weighed by how much their responses vary, since that lost more (docs/layers.md). All in
float64, on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lcsearch.layers.closeness import Target
from lcsearch.layers.shared_filters import SharedFilters

ROUNDS = 5
"""Times that both are solved for again; 15 more change 0.2 % of the error of random filters."""


class Bases(NamedTuple):
    """Filters that others are mixed from.

    Attributes:
        shared: (s, f).
        unique: (u, f) of each layer.
    """

    shared: Tensor
    unique: list[Tensor]


@torch.no_grad()
def fit(layers: Mapping[str, SharedFilters], targets: Mapping[str, Target]) -> None:
    """Give layers that share a bank the filters that are closest to given ones.

    Args:
        layers: All layers of a bank, or some; they get all but their biases.
        targets: By the same names.
    """
    own = list(layers.values())
    filters = [targets[name].filters.flatten(1) for name in layers]
    found = closest(filters, own[0].counts[0], [layer.counts[1] for layer in own])
    own[0].shared.copy_(found.shared.view_as(own[0].shared))
    for layer, one, unique in zip(own, filters, found.unique, strict=True):
        if layer.unique is not None:
            layer.unique.copy_(unique.view_as(layer.unique))
        layer.mixing.copy_(mixing(one, unique, found.shared))
        layer.norm.reset()


def closest(filters: Sequence[Tensor], shared: int, unique: Sequence[int], rounds: int = ROUNDS) -> Bases:
    """Return orthonormal shared filters and unique ones that others can be mixed from with little error.

    Args:
        filters: (out, f) of each layer.
        shared: s.
        unique: u of each layer.
        rounds: Times that both are solved for again.
    """
    together = torch.cat(list(filters))
    few = shared + max(unique) <= min(together.shape)
    # Nothing outside of what the filters span is of use, but to have as many as were asked for.
    rows = _leading(together, min(together.shape) if few else together.shape[1])
    inside = [one @ rows.T for one in filters]
    found = _given(torch.eye(shared, len(rows), dtype=rows.dtype), inside, unique)
    for _ in range(rounds if any(unique) else 0):
        found = _given(_best_bank(found, inside), inside, unique)
    return Bases(found.shared @ rows, [one @ rows for one in found.unique])


def mixing(filters: Tensor, unique: Tensor, shared: Tensor) -> Tensor:
    """Return the mixing (out, u + s) that comes closest to filters (out, f) with unique and shared ones."""
    inverse: Tensor = torch.linalg.pinv(torch.cat([unique, shared]))
    return filters @ inverse


def _given(bank: Tensor, filters: Sequence[Tensor], unique: Sequence[int]) -> Bases:
    """The best unique filters beside an orthonormal bank."""
    left = [one - (one @ bank.T) @ bank for one in filters]
    return Bases(bank, [_leading(one, count) for one, count in zip(left, unique, strict=True)])


def _best_bank(found: Bases, filters: Sequence[Tensor]) -> Tensor:
    """An orthonormal basis of the best bank where unique filters and all mixings stay."""
    size = len(found.shared)
    gram = found.shared.new_zeros(size, size)
    wanted = torch.zeros_like(found.shared)
    for one, unique in zip(filters, found.unique, strict=True):
        mixed = mixing(one, unique, found.shared)
        of_unique, of_shared = mixed[:, : len(unique)], mixed[:, len(unique) :]
        gram += of_shared.T @ of_shared
        wanted += of_shared.T @ (one - of_unique @ unique)
    best: Tensor = torch.linalg.qr((torch.linalg.pinv(gram, hermitian=True) @ wanted).T)[0].T
    return best


def _leading(matrix: Tensor, count: int) -> Tensor:
    """The leading right singular vectors of a matrix (n, f), (count, f), the first one first."""
    rows, columns = matrix.shape
    if count > rows or rows >= columns:
        vectors: Tensor = torch.linalg.eigh(matrix.T @ matrix)[1][:, columns - count :].flip(1)
        return vectors.T
    left = torch.linalg.eigh(matrix @ matrix.T)[1][:, rows - count :].flip(1)
    found: Tensor = torch.linalg.qr((left.T @ matrix).T)[0].T
    return found

"""The LinearConv filters that are closest to given ones, by any measure of closeness between filters.

Write the measure as Q = Z Z^T for rows Z, one a filter; all that is minimised is ||Z - [I; A] V||^2 over
which filters are primary, the primaries V and the coefficients A of the layer's kind.

- Full coefficients: [I; A] V can be any matrix of rank p, so the best is the projection of Z on the p leading
  eigenvectors of Q (Eckart and Young). Pivoted QR on these eigenvectors picks the primaries, so that A, which
  expresses the others by them, stays small.
- Low-rank and sparse coefficients start there. Then V and A are solved for in turn: V by least squares, A by
  reduced-rank regression (Izenman 1975), or by least squares on the coefficients that are kept.

All in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import scipy.linalg
import torch
from torch import Tensor

from lcsearch.layers.closeness import Closeness
from lcsearch.layers.filters import LinearFilters

ROUNDS = 2
"""Times that low-rank and sparse coefficients and the primary filters are solved for in turn."""
_TINY = 1e-10
_BLOCK = 32
"""Rows of sparse coefficients that are solved for at once."""


class _Bank(NamedTuple):
    """The filters of one bank, the primary ones first.

    Attributes:
        places: (out,) where they stood.
        filters: (out, n) themselves.
        rows: (out, out) Z.
        leading: (out, p) leading eigenvectors of Q.
        weight: (out,) how much each counts.
    """

    places: Tensor
    filters: Tensor
    rows: Tensor
    leading: Tensor
    weight: Tensor

    @classmethod
    def of(cls, filters: Tensor, closeness: Closeness, p: int) -> _Bank:
        values, vectors, weight = closeness
        leading = vectors[:, -p:]
        places = _pivot(leading)
        places = torch.cat([places[:p].sort().values, places[p:].sort().values])
        rows = (vectors * values.clamp_min(0).sqrt())[places]
        return cls(places, filters.flatten(1)[places], rows, leading[places], weight[places])

    @property
    def mix(self) -> Tensor:
        """How the best primaries of full coefficients are mixed from the rows, (p, out)."""
        return self.leading[: self.leading.shape[1]] @ self.leading.T


@torch.no_grad()
def fit(layer: LinearFilters, filters: Tensor, closeness: Closeness | None = None) -> None:
    """Give a layer the primaries, coefficients and channel order that make its filters closest to given ones.

    Args:
        layer: Gets all but its bias.
        filters: (out, in / groups, kh, kw), float64, on the CPU.
        closeness: How much two filters do the same; None compares them number by number. A layer whose groups
            have filters of their own takes None alone.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    own = filters.reshape(layer.banks, -1, *filters.shape[1:])
    measures = [Closeness.by_number(bank) if closeness is None else closeness for bank in own]
    if layer.plan.s == 0:
        layer.set_order(torch.arange(len(filters)))
        layer.primary.copy_(filters)
        return
    banks = [_Bank.of(bank, measure, layer.own_p) for bank, measure in zip(own, measures, strict=True)]
    if layer.rank is not None:
        mixes = _low_rank(layer, banks)
    elif layer.mask is not None:
        mixes = _sparse(layer, banks)
    else:
        mixes = _full(layer, banks)
    primaries = [_unweighted(mix, bank) @ bank.filters for mix, bank in zip(mixes, banks, strict=True)]
    layer.primary.copy_(torch.cat(primaries).view(layer.primary.shape))
    layer.set_order(torch.cat([bank.places + place * own.shape[1] for place, bank in enumerate(banks)]))


def _pivot(leading: Tensor) -> Tensor:
    """Return the places (out,) of rows (out, n) in the order in which pivoted QR takes them."""
    _, places = scipy.linalg.qr(leading.T.numpy(), mode="r", pivoting=True)
    return torch.from_numpy(places).long()


def _unweighted(mix: Tensor, bank: _Bank) -> Tensor:
    """From a mix (p, out) of weighted filters to one of filters."""
    return mix * bank.weight / bank.weight[: len(mix), None]


def _full(layer: LinearFilters, banks: list[_Bank]) -> list[Tensor]:
    """Solve for A, of filters without weights; returns how primaries are mixed (p, out) from the rows."""
    assert layer.coefficients is not None
    p = layer.own_p
    found = []
    for bank in banks:
        matrix = torch.linalg.solve(bank.leading[:p], bank.leading[p:], left=False)
        weight = bank.weight.to(layer.primary)
        found.append(matrix.to(weight) * weight[:p] / weight[p:, None])
    layer.coefficients.copy_(torch.cat(found))
    return [bank.mix for bank in banks]


def _low_rank(layer: LinearFilters, banks: list[_Bank]) -> list[Tensor]:
    """Solve for C, R and, in turn, the primaries; returns as `_full`."""
    assert layer.rank is not None and layer.column is not None and layer.row is not None
    p = layer.own_p
    mixes, columns, rows = [], [], []
    for bank in banks:
        mix = bank.mix
        for turn in range(ROUNDS + 1):
            column, row = reduced_rank(mix @ bank.rows, bank.rows[p:], layer.rank)
            if turn < ROUNDS:
                mix = _best_mix(column @ row)
        mixes.append(mix)
        weight = bank.weight.to(layer.primary)
        columns.append(column.to(weight) / weight[p:, None])
        rows.append(row.to(weight) * weight[:p])
    layer.column.copy_(torch.cat(columns))
    layer.row.copy_(torch.cat(rows))
    return mixes


def _sparse(layer: LinearFilters, banks: list[_Bank]) -> list[Tensor]:
    """Choose what is kept, then solve for it and the primaries in turn; returns as `_full`."""
    assert layer.coefficients is not None and layer.mask is not None
    p = layer.own_p
    mixes = [bank.mix for bank in banks]
    primaries = [mix @ bank.rows for mix, bank in zip(mixes, banks, strict=True)]
    full = [masked_least_squares(v, bank.rows[p:], None) for v, bank in zip(primaries, banks, strict=True)]
    lengths = torch.stack([primary.norm(dim=1) for primary in primaries])
    mask = _most_important(torch.stack(full), lengths, layer.coefficients.numel() - layer.target_zeros)
    found = []
    for place, bank in enumerate(banks):
        for turn in range(ROUNDS + 1):
            matrix = masked_least_squares(mixes[place] @ bank.rows, bank.rows[p:], mask[place])
            if turn < ROUNDS:
                mixes[place] = _best_mix(matrix)
        weight = bank.weight.to(layer.primary)
        found.append(matrix.to(weight) * weight[:p] / weight[p:, None])
    layer.mask.copy_(mask.flatten(0, 1))
    layer.coefficients.copy_(torch.cat(found))
    layer.pruned_to = layer.target_zeros
    return mixes


def _most_important(matrices: Tensor, lengths: Tensor, keep: int) -> Tensor:
    """Return a mask (banks, s, p) of the ``keep`` coefficients whose terms in the fit are longest.

    Args:
        matrices: (banks, s, p) least-squares coefficients.
        lengths: (banks, p) norms of the primary filters.
        keep: How many entries shall be True.
    """
    terms = (matrices.abs() * lengths[:, None]).flatten()
    mask = torch.zeros(terms.numel(), dtype=torch.bool)
    mask[terms.argsort(descending=True, stable=True)[:keep]] = True
    return mask.view_as(matrices)


def _best_mix(matrix: Tensor) -> Tensor:
    """Return pinv([I; A]) (p, out): the primaries that suit coefficients A (s, p) best, from all rows."""
    identity = torch.eye(matrix.shape[1], dtype=matrix.dtype)
    mix: Tensor = torch.linalg.solve(identity + matrix.T @ matrix, torch.cat([identity, matrix.T], 1))
    return mix


def masked_least_squares(primary: Tensor, secondary: Tensor, mask: Tensor | None) -> Tensor:
    """Return least-squares coefficients (s, p) that are zero outside the mask (s, p), None for no mask.

    Solved through the normal equations, with a share of 1e-10 of their mean diagonal added. Rows with about
    as many coefficients are solved at once; places that a row has not get the equation a = 0.
    """
    gram = _gram(primary)
    right = secondary @ primary.T
    if mask is None:
        return torch.cholesky_solve(right.T, torch.linalg.cholesky(gram)).T
    solution = torch.zeros_like(right)
    counts = mask.sum(1)
    for rows in counts.argsort(stable=True).tensor_split(-(-len(mask) // _BLOCK)):
        size = int(counts[rows].max())
        places = mask[rows].int().argsort(dim=1, descending=True, stable=True)[:, :size]
        own = mask[rows].gather(1, places)
        system = torch.where(
            own[:, :, None] & own[:, None, :], gram[places[:, :, None], places[:, None, :]], 0.0
        )
        system = system + torch.diag_embed((~own).to(gram))
        wanted = torch.where(own, right[rows].gather(1, places), 0.0)
        found = torch.cholesky_solve(wanted[:, :, None], torch.linalg.cholesky(system))[:, :, 0]
        solution[rows] = torch.zeros_like(right[rows]).scatter(1, places, found)
    return solution


def reduced_rank(primary: Tensor, secondary: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return C (s, r) and R (r, p) whose product is the best coefficient matrix of rank r.

    The least-squares fit projected on its leading left singular vectors (Izenman 1975); with V V^T = L L^T,
    those of A V are those of A L, which is smaller.
    """
    matrix = masked_least_squares(primary, secondary, None)
    left = torch.linalg.svd(matrix @ torch.linalg.cholesky(_gram(primary)), full_matrices=False)[0][:, :rank]
    return left, left.T @ matrix


def _gram(primary: Tensor) -> Tensor:
    gram = primary @ primary.T
    gram.diagonal().add_(_TINY * gram.diagonal().mean() + torch.finfo(gram.dtype).tiny)
    return gram

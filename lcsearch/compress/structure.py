"""The LinearConv filters that are closest to given ones, by any measure of closeness between filters.

The measure is a Gram matrix Q (out, out): entry i, j says how much filters i and j do the same. With
Q = W W^T two filters are compared number by number; with the covariance of their responses to real images,
by what they do. Write W = Z B for rows Z with Z Z^T = Q; all that is minimised is ||Z - [I; A] V||^2 over
which filters are primary, the primaries V and the coefficients A of the layer's kind.

- Full coefficients: [I; A] V can be any matrix of rank p, so the best is the projection of Z on the p leading
  eigenvectors of Q (Eckart and Young). Pivoted QR on these eigenvectors picks the primaries, so that A, which
  expresses the others by them, stays small.
- Low-rank and sparse coefficients start there. Then V and A are solved for in turn: V by least squares, A by
  reduced-rank regression, or by least squares on the coefficients that are kept.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lcsearch.layers import LinearConv2d
from lcsearch.layers.inward import most_important, pivot

ROUNDS = 2
"""Times that low-rank and sparse coefficients and the primary filters are solved for in turn."""
_TINY = 1e-10
_BLOCK = 32
"""Rows of sparse coefficients that are solved for at once."""


class Closeness(NamedTuple):
    """A measure of closeness between filters, each of which may count more or less than others.

    Attributes:
        values: (out,) eigenvalues of Q, ascending.
        vectors: (out, out) their eigenvectors.
        weight: (out,) the factor on each filter that Q has in its rows and columns, above 0.
    """

    values: Tensor
    vectors: Tensor
    weight: Tensor

    @classmethod
    def of(cls, gram: Tensor, weight: Tensor | None = None) -> Closeness:
        """From a Gram matrix without weights: (out, out), float64, on the CPU, symmetric, not negative."""
        weight = torch.ones(len(gram), dtype=gram.dtype) if weight is None else weight
        values, vectors = torch.linalg.eigh(weight[:, None] * gram * weight)
        return cls(values, vectors, weight)


@torch.no_grad()
def fit_structure(layer: LinearConv2d, filters: Tensor, closeness: Closeness) -> None:
    """Give a layer the primaries, coefficients and channel order that make its filters closest to given ones.

    Args:
        layer: Gets all but its bias; not ``per_group``.
        filters: (out, in / groups, kh, kw), float64, on the CPU.
        closeness: How much two filters do the same.
    """
    p = layer.plan.p
    if layer.plan.s == 0:
        layer.set_order(torch.arange(len(filters)))
        layer.primary.copy_(filters)
        return
    values, vectors, weight = closeness
    leading = vectors[:, -p:]
    places = pivot(leading)
    places = torch.cat([places[:p].sort().values, places[p:].sort().values])
    rows = (vectors * values.clamp_min(0).sqrt())[places]
    leading, weight = leading[places], weight[places]
    mix = leading[:p] @ leading.T
    if layer.coefficients is not None and layer.mask is None:
        layer.coefficients.copy_(torch.linalg.solve(leading[:p], leading[p:], left=False))
    elif layer.mask is None:
        mix = _low_rank(layer, rows, mix)
    else:
        mix = _sparse(layer, rows, mix)
    primary = (mix * weight / weight[:p, None]) @ filters.flatten(1)[places]
    layer.primary.copy_(primary.view(layer.primary.shape))
    _unweight(layer, weight)
    layer.set_order(places)


def _unweight(layer: LinearConv2d, weight: Tensor) -> None:
    """From coefficients between weighted filters to coefficients between filters."""
    weight = weight.to(layer.primary)
    p = layer.plan.p
    if layer.coefficients is not None:
        layer.coefficients.mul_(weight[:p]).div_(weight[p:, None])
    if layer.row is not None and layer.column is not None:
        layer.row.mul_(weight[:p])
        layer.column.div_(weight[p:, None])


def _low_rank(layer: LinearConv2d, rows: Tensor, mix: Tensor) -> Tensor:
    """Solve for C, R and, in turn, the primaries; returns how these are mixed (p, out) from the rows."""
    assert layer.rank is not None and layer.column is not None and layer.row is not None
    p = layer.plan.p
    for turn in range(ROUNDS + 1):
        primary = mix @ rows
        column, row = _reduced_rank(primary, rows[p:], layer.rank)
        if turn < ROUNDS:
            mix = _best_mix(column @ row)
    layer.column.copy_(column)
    layer.row.copy_(row)
    return mix


def _sparse(layer: LinearConv2d, rows: Tensor, mix: Tensor) -> Tensor:
    """Choose what is kept, then solve for it and the primaries in turn; returns as ``_low_rank``."""
    assert layer.coefficients is not None and layer.mask is not None
    p = layer.plan.p
    primary = mix @ rows
    matrix = masked_least_squares(primary, rows[p:], None)
    keep = matrix.numel() - layer.target_zeros
    mask = most_important(matrix, primary.norm(dim=1)[None], keep)
    for turn in range(ROUNDS + 1):
        matrix = masked_least_squares(mix @ rows, rows[p:], mask)
        if turn < ROUNDS:
            mix = _best_mix(matrix)
    layer.mask.copy_(mask)
    layer.coefficients.copy_(matrix)
    layer.pruned_to = layer.target_zeros
    return mix


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


def _reduced_rank(primary: Tensor, secondary: Tensor, rank: int) -> tuple[Tensor, Tensor]:
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

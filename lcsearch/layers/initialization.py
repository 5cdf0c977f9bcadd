"""First values of a family's layers: filters start with the variance that those of ``nn.Conv2d`` have.

LinearConv: the primaries are drawn as ``nn.Conv2d`` draws its filters: independent numbers of one variance v.
A secondary filter with coefficients a then has variance v * |a|^2, so every row of A gets norm 1, whatever p
and r are. For A = C R the rows of R are orthonormal, so that the rows of C alone decide.

Separable: the rows of the mixing have norm 1, as those of A; the blueprints are drawn as ``nn.Conv2d`` draws
the filters of the depthwise convolution that they are, which sums K terms.

Shared: filters of norm 1 at right angles to each other, the bank's and each layer's own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def _unit_rows(matrix: Tensor) -> None:
    """Fill a (..., rows, columns) matrix with random rows of norm 1."""
    matrix.normal_()
    matrix.div_(torch.linalg.vector_norm(matrix, dim=-1, keepdim=True))


@torch.no_grad()
def init_primary(primary: Tensor) -> None:
    """Fill the (p, c, kh, kw) primary filters as ``nn.Conv2d`` fills its own."""
    nn.init.kaiming_uniform_(primary, a=math.sqrt(5))


@torch.no_grad()
def init_blueprints(blueprints: Tensor) -> None:
    """Fill the (K, out, kh, kw) blueprints as ``nn.Conv2d`` fills (out, K, kh, kw) filters."""
    nn.init.kaiming_uniform_(blueprints.transpose(0, 1), a=math.sqrt(5))


@torch.no_grad()
def init_mixing(mixing: Tensor | None, column: Tensor | None, row: Tensor | None) -> None:
    """Fill the (K, out, in) mixing with rows of norm 1; or (K, out, r) and (r, in) with such a product."""
    if mixing is not None:
        _unit_rows(mixing)
    if column is not None and row is not None:
        _unit_rows(column)
        if not row.is_meta:
            with torch.device("cpu"):  # others cannot do all that it takes
                row.copy_(_balanced(*row.shape))


def _balanced(rank: int, depth: int) -> Tensor:
    """Return random orthonormal rows (r, in) that keep as much of (1, ..., 1) as such rows do in the mean.

    Channels after a batch norm and a ReLU all have one mean, so that (1, ..., 1) is the direction in which
    inputs are large. Of a few directions drawn freely, all may be almost along it, or all across it.
    """
    turn = nn.init.orthogonal_(torch.empty(rank, rank, dtype=torch.float32))
    if rank == depth:
        return turn
    drawn = torch.randn(depth, 1 + rank, dtype=torch.float32)
    drawn[:, 0] = 1
    ones, *across = torch.linalg.qr(drawn)[0].T
    kept = rank / depth
    across[0] = math.sqrt(kept) * ones + math.sqrt(1 - kept) * across[0]
    return turn @ torch.stack(across)


@torch.no_grad()
def init_orthonormal(filters: Tensor) -> None:
    """Fill (n, ...) filters, of no fewer numbers each, with random ones of norm 1 at right angles."""
    if not filters.is_meta:
        with torch.device("cpu"):  # others, and half precision, cannot do all that it takes
            drawn = nn.init.orthogonal_(torch.empty(len(filters), filters[0].numel(), dtype=torch.float32))
        filters.copy_(drawn.view_as(filters))


@torch.no_grad()
def match_scale(factor: Tensor, filters: Tensor, wanted: Tensor) -> None:
    """Scale what filters are proportional to, so that they get the mean square of others."""
    ratio = wanted.square().mean().sqrt() / filters.square().mean().sqrt()
    if torch.isfinite(ratio) and ratio > 0:
        factor.mul_(ratio)


@torch.no_grad()
def init_full(coefficients: Tensor) -> None:
    """Fill the (..., s, p) coefficients with rows of norm 1."""
    if coefficients.numel():
        _unit_rows(coefficients)


@torch.no_grad()
def init_low_rank(column: Tensor, row: Tensor) -> None:
    """Fill column (..., s, r) and row (..., r, p): rows of norm 1 and orthonormal rows."""
    _unit_rows(column)
    for bank in row.view(-1, *row.shape[-2:]):
        nn.init.orthogonal_(bank)


@torch.no_grad()
def init_bias(bias: Tensor, filter_size: int) -> None:
    """Fill the (out,) bias as ``nn.Conv2d`` fills its own."""
    bound = 1 / math.sqrt(filter_size) if filter_size else 0.0
    bias.uniform_(-bound, bound)

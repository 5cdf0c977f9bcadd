"""The separable filters that are closest to given ones, number by number.

Each filter is a matrix W (in, kh * kw), and its K leading singular triples are the closest sum of K terms
(Eckart and Young). The right singular vectors V are the leading eigenvectors of the small matrix W^T W; the
columns of W V are the mixing that goes with the blueprints V^T.

Rows R (r, in) that all terms and outputs share make it a reduced-rank regression (Izenman 1975). Given V of
each output, the best r directions are the leading left singular vectors U of all W V side by side, those of
an output as large as it matters; given U, the best V of an output are those of U^T W. The two are solved for
in turn.

Filters are not weighed by what they read, since that lost more (docs/trained.md). All in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lcsearch.layers.closeness import Target
from lcsearch.layers.separable_filters import SeparableFilters

ROUNDS = 2
"""Times that shared rows and blueprints are solved for again (docs/trained.md)."""
NORM = 2.0
"""Of each blueprint. The larger it is, the faster the mixing learns; as measured (docs/trained.md)."""


class Terms(NamedTuple):
    """Filters as sums of K products.

    Attributes:
        mixing: (K, out, in); with shared rows (K, out, r).
        blueprints: (K, out, kh * kw), each of norm `NORM`.
        row: (r, in), orthonormal; None where nothing is shared.
    """

    mixing: Tensor
    blueprints: Tensor
    row: Tensor | None = None


@torch.no_grad()
def fit(layer: SeparableFilters, target: Target) -> None:
    """Give a layer the blueprints and the mixing that make its filters closest to given ones.

    Args:
        layer: Gets all but its bias.
        target: Filters (out, in, kh, kw), and how much each matters, which shared rows heed.
    """
    filters = target.filters.flatten(2)
    if layer.rank is None:
        found = closest(filters, layer.terms)
    else:
        found = closest_of_rank(filters, layer.terms, layer.rank, target.closeness.weight)
    layer.blueprints.copy_(found.blueprints.view_as(layer.blueprints))
    if layer.mixing is not None:
        layer.mixing.copy_(found.mixing)
    if layer.column is not None and layer.row is not None and found.row is not None:
        layer.column.copy_(found.mixing)
        layer.row.copy_(found.row)


def closest(filters: Tensor, terms: int) -> Terms:
    """Return the K terms that come closest to each filter.

    Args:
        filters: (out, in, kh * kw), float64, on the CPU.
        terms: K, at most kh * kw.
    """
    vectors = _leading(filters, terms)
    return _terms(filters @ vectors, vectors)


def closest_of_rank(
    filters: Tensor, terms: int, rank: int, weight: Tensor | None = None, rounds: int = ROUNDS
) -> Terms:
    """Return the K terms of each filter whose mixing shares r rows, as close as solving in turn finds.

    Args:
        filters: (out, in, kh * kw), float64, on the CPU.
        terms: K, at most kh * kw.
        rank: r, at most in.
        weight: (out,) the factor on each output's error; None for alike.
        rounds: Times that rows and blueprints are solved for again.
    """
    factor = torch.ones(len(filters), dtype=filters.dtype) if weight is None else weight
    vectors = _leading(filters, terms)
    for _ in range(rounds + 1):
        sides = (factor[:, None, None] * (filters @ vectors)).transpose(0, 1).flatten(1)
        row = torch.linalg.eigh(sides @ sides.T)[1][:, -rank:].T
        seen = _read(row, filters)
        vectors = _leading(seen, terms)
    return _terms(seen @ vectors, vectors)._replace(row=row)


def _read(row: Tensor, filters: Tensor) -> Tensor:
    """Multiply rows (r, in) with each filter of (out, in, m), as one fast product of large matrices."""
    out, _, size = filters.shape
    product = row @ filters.transpose(0, 1).flatten(1)
    return product.view(len(row), out, size).transpose(0, 1)


def _leading(filters: Tensor, terms: int) -> Tensor:
    """The leading right singular vectors (out, m, K) of filters (out, in, m), the first one first."""
    vectors: Tensor = torch.linalg.eigh(filters.transpose(1, 2) @ filters)[1]
    return vectors[:, :, -terms:].flip(2)


def _terms(mixing: Tensor, vectors: Tensor) -> Terms:
    """Terms of mixing (out, n, K) and blueprints (out, m, K) of norm 1."""
    return Terms(mixing.permute(2, 0, 1) / NORM, vectors.permute(2, 0, 1) * NORM)

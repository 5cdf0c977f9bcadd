"""The orthogonality loss of shared filters (arXiv 2006.05066): those that are alike waste parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lcsearch.core.spec import Reduction
from lcsearch.layers.shared_filters import SharedFilters

FACTOR = 10.0
"""On the mean, as published."""


def orthogonality_of(layers: Sequence[SharedFilters], reduction: Reduction = "mean") -> Tensor:
    """Return ten times the mean, over pairs of filters, of (b_i b_j - delta_ij) squared.

    The pairs are those of a shared filter with each filter, shared or unique, of all layers of its bank, and
    those of two unique filters of one layer, in both orders and with themselves. The mean is one over the
    pairs of all banks.

    Args:
        layers: At least one layer.
        reduction: ``mean``, or ``sum`` for ten times the sum.

    Returns:
        A scalar in the layers' dtype.
    """
    banks: dict[Tensor, list[SharedFilters]] = {}
    for layer in layers:
        banks.setdefault(layer.shared, []).append(layer)
    total, pairs = layers[0].shared.new_zeros(()), 0
    with torch.autocast(total.device.type, enabled=False):
        for bank, own in banks.items():
            for products in _products(bank, own):
                total = total + _off_identity(products)
                pairs += products.numel()
    return FACTOR * (total / pairs if reduction == "mean" else total)


def _products(bank: Tensor, layers: Sequence[SharedFilters]) -> Iterator[Tensor]:
    """Inner products of filters with others, of which the first are themselves: (n, m) matrices."""
    shared = bank.flatten(1)
    unique = [layer.unique.flatten(1) for layer in layers if layer.unique is not None]
    yield shared @ torch.cat([shared, *unique]).T
    for own in unique:
        yield own @ own.T


def _off_identity(products: Tensor) -> Tensor:
    """The sum of squares of what differs from 1 for a filter and itself, and from 0 for two."""
    return (
        (products - torch.eye(*products.shape, dtype=products.dtype, device=products.device)).square().sum()
    )

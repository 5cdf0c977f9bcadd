"""The separable filters that are closest to given ones, number by number.

Each filter is a matrix (in, kh * kw); its K leading singular triples are the closest sum of K terms (Eckart
and Young). With orthonormal blueprints the mixing of rank r that is closest to a full one is its projection
on its r leading right singular vectors. All in float64.
"""

from __future__ import annotations

import torch

from lcsearch.layers.closeness import Target
from lcsearch.layers.separable_filters import SeparableFilters


@torch.no_grad()
def fit(layer: SeparableFilters, target: Target) -> None:
    """Give a layer the blueprints and the mixing that make its filters closest to given ones.

    Args:
        layer: Gets all but its bias.
        target: Filters (out, in, kh, kw).
    """
    filters = target.filters.flatten(2)
    u, s, v = torch.linalg.svd(filters, full_matrices=False)
    kept = min(layer.terms, s.shape[1])
    mixing = filters.new_zeros(layer.terms, *filters.shape[:2])
    mixing[:kept] = (u * s[:, None])[..., :kept].permute(2, 0, 1)
    pictures = filters.new_zeros(layer.terms, filters.shape[0], filters.shape[2])
    pictures[:kept] = v[:, :kept].transpose(0, 1)
    layer.blueprints.copy_(pictures.view_as(layer.blueprints))
    if layer.mixing is not None:
        layer.mixing.copy_(mixing)
    if layer.column is not None and layer.row is not None:
        row = torch.linalg.svd(mixing.flatten(0, 1), full_matrices=False)[2][: layer.rank]
        layer.row.copy_(row)
        layer.column.copy_(mixing @ row.T)

"""From a trained convolution to the closest LinearConv layer.

The filters are the rows of a matrix. QR with column pivoting picks as primaries those that span the others
best; the coefficients are the least-squares solution of secondary = A primary. Of all A of rank r the best
one is the least-squares one projected on the leading left singular vectors of its fit (reduced-rank
regression, Izenman 1975), which the truncated SVD of A itself is not. Sparse coefficients keep those that
matter most to the fit, and are then solved for again. All in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import scipy.linalg
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lcsearch.layers.linear_conv import LinearConv2d


def check_conv(conv: object) -> None:
    """Check that a module is a convolution whose filters can be taken.

    Raises:
        TypeError: It is transposed, lazy, quantised, of another dimension, or no convolution.
    """
    name = f"{type(conv).__module__}.{type(conv).__qualname__}"
    if isinstance(conv, nn.modules.lazy.LazyModuleMixin):
        raise TypeError(f"conv={name} is lazy and has no weights yet; run it on an image first")
    if isinstance(conv, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        raise TypeError(f"conv={name} is a transposed convolution; it must be an nn.Conv2d")
    if "quantiz" in name or "qat" in name:
        raise TypeError(f"conv={name} is quantised; it must be an nn.Conv2d with floating-point weights")
    if not isinstance(conv, nn.Conv2d):
        raise TypeError(f"conv={name} must be an nn.Conv2d")
    if not conv.weight.is_floating_point():
        raise TypeError(f"conv.weight has dtype {conv.weight.dtype}; it must be a floating-point type")
    if conv.weight.is_meta:
        raise TypeError("conv.weight is on the meta device and has no values; move the convolution first")


@torch.no_grad()
def fit(layer: LinearConv2d, conv: nn.Conv2d) -> None:
    """Give a layer the filters that are closest to a convolution's, its channel order and its bias."""
    own_p, own_out = layer.own_p, conv.out_channels // layer.banks
    filters = conv.weight.detach().double().cpu().reshape(layer.banks, own_out, -1)
    order = [pivot(bank) for bank in filters]
    rows = torch.stack([bank[places] for bank, places in zip(filters, order, strict=True)])
    layer.set_order(torch.cat([places + own_out * bank for bank, places in enumerate(order)]))
    layer.primary.copy_(rows[:, :own_p].reshape(layer.primary.shape))
    if layer.plan.s:
        solve(layer, rows[:, :own_p], rows[:, own_p:])
    if layer.bias is not None and conv.bias is not None:
        layer.bias.copy_(conv.bias)
    for parameter in layer.parameters(recurse=False):
        parameter.requires_grad_(conv.weight.requires_grad)


def pivot(filters: Tensor) -> Tensor:
    """Return the places (out,) of filters (out, n) in the order in which pivoted QR takes them."""
    if not torch.isfinite(filters).all():
        raise ValueError("conv.weight holds NaN or infinity; its filters must be finite")
    _, places = scipy.linalg.qr(filters.T.numpy(), mode="r", pivoting=True)
    return torch.from_numpy(places).long()


def solve(layer: LinearConv2d, primary: Tensor, secondary: Tensor) -> None:
    """Give a layer the coefficients of its kind that make ``secondary`` of ``primary`` best.

    Args:
        layer: Gets the coefficients.
        primary: (banks, p, n) rows, float64.
        secondary: (banks, s, n) rows, float64.
    """
    full = [least_squares(v, w) for v, w in zip(primary, secondary, strict=True)]
    if layer.rank is not None and layer.column is not None and layer.row is not None:
        rank = layer.rank
        pairs = [reduced_rank(matrix, v, rank) for matrix, v in zip(full, primary, strict=True)]
        layer.column.copy_(torch.cat([column for column, _ in pairs]))
        layer.row.copy_(torch.cat([row for _, row in pairs]))
        return
    assert layer.coefficients is not None
    matrix = torch.cat(full)
    if layer.mask is not None:
        keep = matrix.numel() - layer.target_zeros
        layer.mask.copy_(most_important(matrix, primary.norm(dim=2), keep))
        masks = layer.mask.cpu().view(layer.banks, -1, layer.own_p)
        matrix = torch.cat([refit(v, w, m) for v, w, m in zip(primary, secondary, masks, strict=True)])
        layer.pruned_to = layer.target_zeros
    layer.coefficients.copy_(matrix)


def least_squares(primary: Tensor, secondary: Tensor) -> Tensor:
    """Return A (s, p) that minimises ||secondary - A primary||, the shortest where several do."""
    solution: Tensor = torch.linalg.lstsq(primary.T, secondary.T, driver="gelsd").solution
    return solution.T


def reduced_rank(matrix: Tensor, primary: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return C (s, r) and R (r, p) whose product is the best coefficient matrix of rank r.

    Args:
        matrix: (s, p) least-squares coefficients.
        primary: (p, n) rows.
        rank: r.
    """
    left = torch.linalg.svd(matrix @ primary, full_matrices=False)[0][:, :rank]
    return left, left.T @ matrix


def most_important(matrix: Tensor, lengths: Tensor, keep: int) -> Tensor:
    """Return a mask (rows, p) of the ``keep`` coefficients whose terms in the fit are longest.

    Args:
        matrix: (banks * s, p) least-squares coefficients.
        lengths: (banks, p) norms of the primary filters.
        keep: How many entries shall be True.
    """
    terms = matrix.abs().view(len(lengths), -1, lengths.shape[1]) * lengths[:, None]
    mask = torch.zeros(matrix.numel(), dtype=torch.bool)
    mask[terms.flatten().argsort(descending=True, stable=True)[:keep]] = True
    return mask.view_as(matrix)


def refit(primary: Tensor, secondary: Tensor, mask: Tensor) -> Tensor:
    """Return least-squares coefficients (s, p) that are zero outside the mask (s, p)."""
    matrix = torch.zeros(mask.shape, dtype=primary.dtype)
    for row, support in enumerate(mask):
        if support.any():
            matrix[row, support] = least_squares(primary[support], secondary[row : row + 1])[0]
    return matrix

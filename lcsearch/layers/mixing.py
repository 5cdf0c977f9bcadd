"""Feature space's second half on a CPU, in training: secondary outputs written beside the primary ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lcsearch.core.torch_private import transforms_active

FEWEST_PRIMARIES = 64
"""With fewer, one 1x1 convolution by [I; A] is as fast: the products that it repeats are few."""


def pays(y: Tensor) -> bool:
    """Whether `mix` is allowed for the outputs y of the primaries, and faster than a 1x1 convolution.

    It is for trainings on a CPU, run as they are written: what is compiled, exported, transformed by
    ``torch.func`` or cast by autocast takes the convolution, and so does y in another memory layout.
    """
    return (
        y.device.type == "cpu"
        and y.shape[1] >= FEWEST_PRIMARIES
        and y.dtype in (torch.float32, torch.float64)
        and y.is_contiguous(memory_format=torch.channels_last)
        and torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not transforms_active()
    )


def mix(y: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """Return [y; A y] plus the bias, at each position.

    A 1x1 convolution by [I; A] gives the same and multiplies p * (s + p) times per position; this multiplies
    p * s times and copies y into its place. Differentiable twice, and in forward mode.

    Args:
        y: Outputs of the primary filters (n, p, h, w).
        matrix: The coefficients A (s, p).
        bias: Of all outputs (p + s,), or None.

    Returns:
        Outputs of all filters (n, p + s, h, w), in channels-last layout.
    """
    mixed: Tensor = _Mixing.apply(y, matrix, bias)
    return mixed


class _Mixing(torch.autograd.Function):
    """Its derivatives are made of differentiable operations, so they have derivatives themselves.

    A separate ``setup_context`` would cost more than small feature maps gain: PyTorch then inspects the
    signature of ``forward`` at each call.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        ctx.has_bias = bias is not None
        ctx.save_for_backward(y, matrix)
        ctx.save_for_forward(y, matrix)
        flat, p = _flat(y), y.shape[1]
        out = flat.new_empty(len(flat), p + len(matrix))
        if bias is None:
            out[:, :p].copy_(flat)
            torch.mm(flat, matrix.t(), out=out[:, p:])
        else:
            torch.add(flat, bias[:p], out=out[:, :p])
            torch.addmm(bias[p:], flat, matrix.t(), out=out[:, p:])
        return _shaped(out, y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        y, matrix = ctx.saved_tensors
        flat, p = _flat(gradients[0]), y.shape[1]
        own, mixed = flat[:, :p], flat[:, p:]
        of_y = _shaped(torch.addmm(own, mixed, matrix), y)
        return of_y, mixed.t() @ _flat(y), flat.sum(0) if ctx.has_bias else None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """What has no tangent of its own comes with zeros, a bias that is None with None."""
        y, matrix = ctx.saved_tensors
        of_y, of_matrix, of_bias = tangents
        moved = _flat(of_y)
        both = torch.cat([moved, moved @ matrix.t() + _flat(y) @ of_matrix.t()], 1)
        return _shaped(both if of_bias is None else both + of_bias, y)


def _flat(maps: Tensor) -> Tensor:
    """View feature maps (n, c, h, w) as (n * h * w, c)."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _shaped(flat: Tensor, like: Tensor) -> Tensor:
    """View (n * h * w, c) as feature maps (n, c, h, w) of the images and size of others."""
    n, _, h, w = like.shape
    return flat.view(n, h, w, -1).permute(0, 3, 1, 2)

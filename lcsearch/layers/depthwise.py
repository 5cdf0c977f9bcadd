"""A depthwise convolution whose gradients are fast on a CPU also where PyTorch's are not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lcsearch.core.torch_private import recorded, transforms_active
from lcsearch.layers import depthwise_gradients as gradients
from lcsearch.layers.depthwise_gradients import Steps, convolved


def depthwise(z: Tensor, filters: Tensor, bias: Tensor | None, steps: Steps) -> Tensor:
    """Convolve each channel by a filter of its own.

    Args:
        z: Feature maps (n, c, h, w).
        filters: (c, kh, kw).
        bias: (c,), or None.
        steps: How the filters move.

    Returns:
        Feature maps (n, c, h', w').
    """
    if filters.shape[1:] == (1, 1) and steps == Steps(dilation=steps.dilation):
        return _scaled(z, filters, bias)
    if not pays(z, filters, steps):
        return convolved(z, filters, bias, steps)
    if filters.dtype != z.dtype and torch.is_autocast_enabled("cpu"):  # which knows no function of ours
        filters, bias = filters.to(z.dtype), None if bias is None else bias.to(z.dtype)
    made: Tensor = _Depthwise.apply(z, filters, bias, steps)
    return made


def pays(z: Tensor, filters: Tensor, steps: Steps) -> bool:
    """Whether PyTorch's own gradients would be slow.

    What is compiled, exported, traced or transformed by ``torch.func`` takes them all the same.
    """
    return (
        torch.is_grad_enabled()
        and z.device.type == "cpu"
        and z.dtype in (torch.float32, torch.bfloat16)
        and (gradients.slow_for_filters(z, filters, steps) or gradients.slow_for_maps(z, steps))
        and not recorded()
        and not transforms_active()
    )


class _Depthwise(torch.autograd.Function):
    """Its derivatives are made of differentiable operations, so they have derivatives themselves.

    A separate ``setup_context`` would cost more than small feature maps gain: PyTorch then inspects the
    signature of ``forward`` at each call.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, filters: Tensor, bias: Tensor | None, steps: Steps) -> Tensor:
        ctx.steps = steps
        ctx.save_for_backward(z, filters)
        ctx.save_for_forward(z, filters)
        return convolved(z, filters, bias, steps)

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        (gradient,), (z, filters) = given, ctx.saved_tensors
        of_z, of_filters, of_bias, _ = ctx.needs_input_grad
        return (
            gradients.of_maps(gradient, z, filters, ctx.steps) if of_z else None,
            gradients.of_filters(gradient, z, filters, ctx.steps) if of_filters else None,
            gradient.sum((0, 2, 3)) if of_bias else None,
            None,
        )

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """What has no tangent of its own comes with zeros, a bias that is None with None."""
        z, filters = ctx.saved_tensors
        of_z, of_filters, of_bias, _ = tangents
        return convolved(of_z, filters, of_bias, ctx.steps) + convolved(z, of_filters, None, ctx.steps)


def _scaled(z: Tensor, filters: Tensor, bias: Tensor | None) -> Tensor:
    """What filters of 1x1 make: each channel times a number, several times faster than a convolution."""
    factors = filters.view(1, -1, 1, 1).to(z.dtype)
    return z * factors if bias is None else torch.addcmul(bias.view(1, -1, 1, 1).to(z.dtype), z, factors)

"""Biases that convolutions got by what is folded into them, where the plain net has none."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import torch
from torch import nn

_BatchNorm = nn.BatchNorm2d | nn.SyncBatchNorm


@torch.no_grad()
def into_batch_norms(model: nn.Module, names: Collection[str]) -> nn.Module:
    """Take the biases of convolutions away, and let the batch norm behind each make up for it.

    A batch norm with the running mean m makes of z + b what one with m - b makes of z. It is the next layer
    in module order, where that has as many channels. Where it is none, or another reads the convolution, a
    constant for each channel is lost, which statistics that are estimated anew make up for.

    Args:
        model: In evaluation mode; changed in place.
        names: Convolutions that shall have no bias.

    Returns:
        The same module.
    """
    layers = [one for one in model.named_modules() if isinstance(one[1], nn.Conv2d | _BatchNorm)]
    followers = {name: follower for (name, _), (_, follower) in pairwise(layers)}
    for name in names:
        conv, norm = model.get_submodule(name), followers.get(name)
        if not isinstance(conv, nn.Conv2d) or conv.bias is None:
            continue
        mean = norm.running_mean if isinstance(norm, _BatchNorm) else None
        if mean is not None and len(mean) == conv.out_channels:
            mean.sub_(conv.bias)
        conv.register_parameter("bias", None)
    return model

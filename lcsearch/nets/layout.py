"""How the numbers of a net lie in memory."""

from __future__ import annotations

import torch
from torch import nn


def channels_last(model: nn.Module, device: torch.device) -> nn.Module:
    """Move a net to a device, with its filters in channels-last layout, in place.

    ``model.to(memory_format=...)`` refuses nets that also have tensors of five dimensions, as ``nn.Conv3d``
    has: these stay as they are.

    Args:
        model: Any module.
        device: Where to.

    Returns:
        The same module.
    """
    model.to(device)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return model

"""The arithmetic of a forward pass: float32, or bfloat16 autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from lcsearch.core.spec import Precision


def arithmetic(precision: Precision, device: str | torch.device) -> AbstractContextManager[object]:
    """What a forward pass is computed in."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)

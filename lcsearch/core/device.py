"""Where to train."""

from __future__ import annotations

import torch

from lcsearch.core.errors import InputError, reason


def pick_device(name: str) -> str:
    """The device to use: ``auto`` is a CUDA GPU, else Apple's, else the CPU.

    Raises:
        InputError: The name means nothing to PyTorch, or this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        problem = f"cannot be used here ({reason(error)}); try auto or cpu"
        raise InputError(problem, setting="device", value=name) from error
    return name

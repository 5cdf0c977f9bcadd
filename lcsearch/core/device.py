"""Where to train."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lcsearch.core.errors import InputError, reason


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Memory of a device, whoever uses it.

    Attributes:
        free: Bytes that nobody has taken.
        total: Bytes that there are.
    """

    free: int
    total: int


def device_memory(device: str) -> DeviceMemory | None:
    """What a device has of memory now; None where that cannot be told: only CUDA says it of all processes."""
    if torch.device(device).type != "cuda":
        return None
    return DeviceMemory(*torch.cuda.mem_get_info(device))


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

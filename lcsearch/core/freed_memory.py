"""Memory that a training frees is kept for its next step, and given back to the system at its end."""

from __future__ import annotations

import ctypes
import gc
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Names of glibc's ``mallopt``: how many free bytes at the heap's end are given back, from how many bytes on
a block is mapped for itself, and how many blocks may be."""
_USUAL = {_TRIM_THRESHOLD: 64 << 20, _MMAP_THRESHOLD: 32 << 20, _MMAP_MAX: 65_536}
"""What glibc itself comes to once blocks of 32 MiB were freed."""
_is_kept = False


def keep_freed_memory() -> bool:
    """Have the C library of this process keep what is freed; call it before training on a CPU.

    By default glibc gives every large block back to the system as it is freed. Each step of a training then
    asks for the same feature maps again, page by page, and the system fills each page with zeros first. That
    can take a quarter of a step. The price: the process stays as large as it once was.

    Returns:
        Whether it took effect: on Linux with glibc only.
    """
    global _is_kept
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    _is_kept = bool(mallopt(_TRIM_THRESHOLD, -1)) and bool(mallopt(_MMAP_MAX, 0))
    return _is_kept


def give_freed_memory_back() -> None:
    """Give what is free now back to the system, where the C library can be told."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def let_go() -> None:
    """Free what refers to itself and is used no more, such as a training and its steps, and give it back.

    For workers, between two jobs: where much else is in memory, looking for it takes a while.
    """
    gc.collect()
    give_freed_memory_back()


@contextmanager
def freed_memory_kept(device: str | torch.device) -> Iterator[None]:
    """Meanwhile keep what is freed, as `keep_freed_memory` says; at the end give it back.

    Args:
        device: Where is computed: nothing is done unless it is a CPU, or where memory is kept already.
    """
    global _is_kept
    mine = not _is_kept and str(device).partition(":")[0] == "cpu" and keep_freed_memory()
    try:
        yield
    finally:
        if mine:
            mallopt = ctypes.CDLL(None).mallopt
            for name, number in _USUAL.items():
                mallopt(name, number)
            _is_kept = False
            give_freed_memory_back()

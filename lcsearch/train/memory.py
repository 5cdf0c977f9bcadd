"""Memory that a training frees is kept for its next step, not given back to the system."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Names of glibc's ``mallopt``: free bytes at the heap's end to give back, blocks to map one by one."""


def keep_freed_memory() -> bool:
    """Have the C library of this process keep what is freed; call it before training on a CPU.

    By default glibc gives every large block back to the system as it is freed. Each step of a training then
    asks for the same feature maps again, page by page, and the system fills each page with zeros first. That
    can take a quarter of a step. The price: the process stays as large as it once was.

    Returns:
        Whether it took effect: on Linux with glibc only.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_TRIM_THRESHOLD, -1)) and bool(mallopt(_MMAP_MAX, 0))

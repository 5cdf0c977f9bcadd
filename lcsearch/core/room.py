"""How much memory decoded images may take, and where those lie that need more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_SHARE = 0.5
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True, slots=True)
class Room:
    """Room for decoded images.

    Attributes:
        memory: Bytes that they may take; None for half of what is free.
        cache: The folder of those that need more; None for one in the user's cache.
    """

    memory: int | None = None
    cache: str | None = None

    @property
    def allowed(self) -> int:
        """Bytes of memory that decoded images may take now."""
        return int(_SHARE * free_memory()) if self.memory is None else self.memory

    def holds(self, needed: int) -> bool:
        """Whether so many bytes of images fit into memory."""
        return needed <= self.allowed


USUAL = Room()
"""What is used where the user says nothing."""


def free_memory() -> int:
    """Bytes of memory that programs can still have; all there is where the system does not say it."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        [said] = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
        return 1024 * int(said)
    except (OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def bytes_words(size: float) -> str:
    """A number of bytes for people, such as ``15.1 GB``, ``3.2 MB`` or ``0.5 kB``."""
    unit, name = next((one for one in _UNITS if size >= one[0]), _UNITS[-1])
    return f"{size / unit:.1f} {name}"

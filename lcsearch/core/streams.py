"""Random streams by name: each epoch has its own, so that a resumed run needs no random state."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def stream(seed: int, *names: object) -> int:
    """A 63-bit seed for one purpose, unrelated to that of any other purpose."""
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's global generators, all devices."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)

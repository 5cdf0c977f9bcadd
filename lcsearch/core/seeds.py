"""Seeds that depend on the run's seed and on what they are for, and on nothing else.

So a resumed run needs no random state: each trial and each epoch has its own.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def trial_seed(seed: int, number: int) -> int:
    """Seeds the training of trial ``number``: 31 bits."""
    return _draw(seed, number, 0)


def sampler_seed(seed: int, number: int) -> int:
    """Seeds the sampler that proposes trial ``number``: 31 bits."""
    return _draw(seed, number, 1)


def retrain_seed(seed: int, index: int) -> int:
    """Seeds the retraining of any trial with its ``index``-th seed: 31 bits."""
    return _draw(seed, index, 2)


def stream(seed: int, *names: object) -> int:
    """Seeds one purpose of a training, such as the views of an epoch: 63 bits."""
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's global generators, all devices."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextmanager
def generators_kept(device: str = "cpu") -> Iterator[None]:
    """Whatever is drawn inside, Python's, NumPy's and PyTorch's global generators stand as before.

    Args:
        device: The device whose generator may be used, beside the CPU's.
    """
    import torch

    kind, _, index = device.partition(":")
    devices = [int(index or torch.cuda.current_device())] if kind == "cuda" else []
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _draw(seed: int, number: int, purpose: int) -> int:
    state = np.random.SeedSequence([seed, number, purpose]).generate_state(1)
    return int(state[0]) & 0x7FFFFFFF

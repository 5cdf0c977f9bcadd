"""Seeds that depend on nothing but the run's seed and a trial's number."""

from __future__ import annotations

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


def _draw(seed: int, number: int, purpose: int) -> int:
    state = np.random.SeedSequence([seed, number, purpose]).generate_state(1)
    return int(state[0]) & 0x7FFFFFFF

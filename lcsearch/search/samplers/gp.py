"""Gaussian processes with expected hypervolume improvement, over the parameters that every trial has.

Source: Optuna's ``GPSampler``. Parameters that only some trials have are drawn at random. It takes
seconds per trial once there are a few hundred of them.
"""

from __future__ import annotations

import warnings

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler

from lcsearch.search.space import BoundSpace


def make(seed: int, space: BoundSpace) -> BaseSampler:
    """Make the sampler; any space will do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return GPSampler(seed=seed, warn_independent_sampling=False)


SAMPLER = make

"""Every choice at random, each on the scale of its own range: what a search must beat."""

from __future__ import annotations

from optuna.samplers import BaseSampler, RandomSampler

from lcsearch.search.space import BoundSpace


def make(seed: int, space: BoundSpace) -> BaseSampler:
    """Make the sampler; any space will do."""
    return RandomSampler(seed=seed)


SAMPLER = make

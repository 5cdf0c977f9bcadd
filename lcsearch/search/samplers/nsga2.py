"""NSGA-II: crossover and mutation of the best by non-dominated rank and crowding distance.

Source: Deb et al., IEEE TEC 6(2), 2002, as in Optuna's ``NSGAIISampler``. The population is smaller than
Optuna's 50, which would spend most of a usual run on its first random generation.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, NSGAIISampler

from lcsearch.search.space import BoundSpace

POPULATION = 16


def make(seed: int, space: BoundSpace) -> BaseSampler:
    """Make the sampler; any space will do."""
    return NSGAIISampler(seed=seed, population_size=POPULATION)


SAMPLER = make

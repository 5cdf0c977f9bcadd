"""Tree-structured Parzen estimators over groups of parameters that occur together.

``group`` splits the conditional space into such groups, ``multivariate`` models each jointly.
Source: Optuna's ``TPESampler``; multi-objective after Ozaki et al., GECCO 2020.
"""

from __future__ import annotations

import warnings

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler

from lcsearch.search.space import BoundSpace


def make(seed: int, space: BoundSpace) -> BaseSampler:
    """Make the sampler; any space will do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


SAMPLER = make

"""A Sobol sequence over the whole conditional space: spread evenly, learns nothing.

Optuna's ``QMCSampler`` covers only the parameters of a study's first trial, here the plain backbone.
This one gives each parameter its own dimension in the order in which the study met them, and each run
its own rotation of the sequence (Cranley and Patterson, SIAM J. Numer. Anal. 13, 1976).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from scipy.stats.qmc import Sobol

from lcsearch.runs.optuna_private import note, sampler_notes
from lcsearch.search.one_by_one import OneByOne
from lcsearch.search.samplers._draw import at_unit
from lcsearch.search.space import BoundSpace

_ROTATION = "qmc:rotation"


class SobolSampler(OneByOne):
    """Answers trial i from point i of the sequence.

    Args:
        seed: Rotates the sequence, if this is the study's first trial; later ones keep its rotation.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._point: np.ndarray = np.empty(0)
        self._dimensions: dict[str, int] = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Find each known parameter's dimension, and keep the rotation with the study."""
        for past in study.get_trials(deepcopy=False):
            for name in past.distributions:
                self._dimensions.setdefault(name, len(self._dimensions))
        notes = sampler_notes(study)
        self._seed = notes.get(_ROTATION, self._seed)
        if _ROTATION not in notes:
            note(study, _ROTATION, self._seed)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The point's coordinate in the parameter's dimension."""
        dimension = self._dimensions.setdefault(param_name, len(self._dimensions))
        if dimension >= len(self._point):
            self._point = _rotated(trial.number, max(64, 2 * dimension), self._seed)
        return at_unit(param_distribution, float(self._point[dimension]))


def _rotated(index: int, dimensions: int, seed: int) -> np.ndarray:
    sequence = Sobol(dimensions, scramble=False)
    if index:
        sequence.fast_forward(index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # balance needs a power of two of points; one is asked
        point = sequence.random(1)[0]
    # One generator per dimension: a coordinate must not depend on how many dimensions there are.
    shifts = np.array([np.random.default_rng((seed, d)).random() for d in range(dimensions)])
    return np.asarray((point + shifts) % 1.0)


def make(seed: int, space: BoundSpace) -> BaseSampler:
    """Make the sampler; any space will do."""
    return SobolSampler(seed)


SAMPLER = make

"""A sampler: copies an earlier trial, but for half of its choices."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lcsearch.search.space import BoundSpace


class CopySampler(BaseSampler):
    """Everything random in it comes from the seed of its trial."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self._random = RandomSampler(seed=seed)
        self._model: dict[str, Any] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        self._model = dict(done[self._chance.integers(len(done))].params) if done else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        anew = self._chance.random() < 0.5
        if anew or param_name not in self._model:
            return self._random.sample_independent(study, trial, param_name, param_distribution)
        return self._model[param_name]


def make(seed: int, space: BoundSpace) -> BaseSampler:
    return CopySampler(seed)

"""A sampler that gives the answers that a candidate is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class Answered(BaseSampler):
    """Answers what it is asked.

    Args:
        answers: By the names of the parameters.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is asked beforehand."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing is asked beforehand."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The answer."""
        return self._answers[param_name]

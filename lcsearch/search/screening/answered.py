"""A sampler that gives the answers that a candidate is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from lcsearch.search.one_by_one import OneByOne


class Answered(OneByOne):
    """Answers what it is asked.

    Args:
        answers: By the names of the parameters.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The answer."""
        return self._answers[param_name]

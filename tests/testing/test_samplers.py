from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from lcsearch.core import plugins
from lcsearch.search.samplers import find
from lcsearch.search.space import BoundSpace
from lcsearch.testing import check_sampler

pytestmark = pytest.mark.slow

QUICK = [name for name in plugins.names(plugins.SAMPLER) if name != "gp"]


@pytest.mark.parametrize("name", QUICK)
def test_ours_keep_the_contract(name: str) -> None:
    check_sampler(find(name), trials=14)


@pytest.mark.long
def test_the_gaussian_process_keeps_it() -> None:
    check_sampler(find("gp"), trials=13)  # ten of them are drawn at random


class OutOfRange(RandomSampler):
    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        found = super().sample_independent(study, trial, name, distribution)
        return 2 * distribution.high if hasattr(distribution, "high") else found


class Remembers(RandomSampler):
    """Draws on: what it proposes depends on how often it was asked in this process."""

    kept = np.random.RandomState(3)

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self._rng._rng = self.kept


class StumblesOverFailures(RandomSampler):
    def before_trial(self, study: Any, trial: Any) -> None:
        sum(past.values[0] for past in study.get_trials(deepcopy=False) if past.state.is_finished())


class CountsTrials(RandomSampler):
    """Depends on what it keeps of a study in this process, and not in the study."""

    def __init__(self, seed: int, seen: Counter[str]) -> None:
        super().__init__(seed=seed)
        self.seen = seen

    def before_trial(self, study: Any, trial: Any) -> None:
        self.seen[study.study_name] += 1
        self._rng.rng.seed(self.seen[study.study_name])


def global_generator(seed: int, space: BoundSpace) -> BaseSampler:
    return RandomSampler(seed=random.randrange(2**32))


def not_repeated(seed: int, space: BoundSpace) -> BaseSampler:
    return TPESampler()


@pytest.mark.parametrize(
    ("sampler", "complaint"),
    [
        (lambda seed, space: OutOfRange(seed), "it answers .* to .*/(alpha|channels), which goes from"),
        (lambda seed, space: Remembers(seed), "of a second search with the same seeds is another"),
        (lambda seed, space: StumblesOverFailures(seed), "proposing trial 6 after .*'failed'.*TypeError"),
        (lambda seed, space, seen=Counter(): CountsTrials(seed, seen), "after a restart it proposes"),
        (global_generator, "global generator"),
        (not_repeated, "of a second search with the same seeds is another"),
        (lambda seed, space: "tpe", "it makes a str, no optuna.samplers.BaseSampler"),
        (lambda seed: RandomSampler(seed), "making it: TypeError"),
    ],
)
def test_what_breaks_it_is_said(sampler: Any, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_sampler(sampler, trials=8)

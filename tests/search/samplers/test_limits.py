"""What earlier trials tell about the limits of a run."""

from __future__ import annotations

import math

import numpy as np
from optuna.trial import create_trial

from lcsearch.search.samplers._limits import Limits, violations


def test_only_constraints_are_violations() -> None:
    trial = create_trial(value=0.0, constraints={"max_params": 0.25, "max_macs": -0.5}, system_attrs={"x": 1})
    assert violations(trial) == {"max_params": 0.25, "max_macs": -0.5}


def test_a_limit_on_params_is_known_from_one_trial() -> None:
    limits = Limits([{"max_params": 150_000 / 120_000 - 1}], [150_000], [np.zeros(2)])
    assert limits.max_params == 120_000
    assert limits.keeps(120_000, np.zeros(2)) and not limits.keeps(120_001, np.zeros(2))


def test_nothing_is_known_before_a_trial_tells() -> None:
    assert Limits([], [], []).keeps(10**12, np.zeros(2))
    assert Limits([{}], [10], [np.zeros(2)]).max_params == math.inf


def sizes(features: np.ndarray) -> np.ndarray:
    """Multiply-accumulates whose logarithm is a straight line in the features."""
    return np.exp(10 + features @ np.array([1.0, -2.0, 0.5]))


def learnt(count: int, share: float = 0.5) -> tuple[float, Limits, np.random.Generator]:
    """A limit that a share of so many trials keep, and what is known of it; params say nothing of it."""
    rng = np.random.default_rng(4)
    features = rng.uniform(-1, 1, (count, 3))
    limit = float(np.quantile(sizes(features), share))
    over = [{"max_macs": size / limit - 1} for size in sizes(features)]
    return limit, Limits(over, [1000] * count, list(features)), rng


def test_limits_other_than_params_are_learnt() -> None:
    limit, limits, rng = learnt(60)
    unseen = rng.uniform(-1, 1, (200, 3))
    right = [limits.keeps(1000, f) == (s <= limit) for f, s in zip(unseen, sizes(unseen), strict=True)]
    assert limits.max_params == math.inf
    assert np.mean(right) > 0.97


def test_a_little_over_may_still_be_kept() -> None:
    limit, limits, _ = learnt(200)
    towards = np.array([1.0, -2.0, 0.5]) / 5.25
    at = towards * (math.log(limit) - 10)
    assert limits.keeps(1000, at) and limits.keeps(1000, at + 0.01 * towards)
    assert not limits.keeps(1000, at + 0.04 * towards)


def test_what_too_few_trials_say_or_none_violates_limits_nothing() -> None:
    far = np.array([1.0, -1.0, 1.0])
    assert learnt(2)[1].keeps(1000, far)
    assert not learnt(3)[1].keeps(1000, far)
    assert learnt(60, share=1.0)[1].keeps(1000, 10 * far)

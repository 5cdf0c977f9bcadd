"""What is guessed of models that were not trained."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gaussian_by_hand import SLOPES, by_hand

from lcsearch.search.samplers._surrogate import Inputs, Surrogate


def test_a_loss_that_adds_up_over_layers_is_learnt() -> None:
    """Four numbers, here the same, say what each of three layers keeps; early layers cost most."""
    rng = np.random.default_rng(3)
    kept = rng.uniform(-2, 2, (120, 3))
    accuracy = 92 - kept**2 @ np.array([1.0, 0.6, 0.2])
    inputs = Inputs(np.repeat(kept, 4, axis=1), rng.uniform(9, 12, 120))
    train, test = np.arange(80), np.arange(80, 120)
    none = np.zeros(80, dtype=bool)
    fitted = Surrogate(
        inputs[train], accuracy[train], np.full(80, 0.2), none, bias=np.zeros(80), block=4, blocks=3
    )
    mean, spread = fitted.guess(inputs[test])
    errors = mean - accuracy[test]
    assert np.sqrt(np.mean(errors**2)) < 0.15 * np.std(accuracy[test])
    assert np.all(spread > 0)
    assert np.mean(np.abs(errors) < 3 * spread) > 0.8


@pytest.mark.parametrize(("trained", "stopped"), [(0.5, 0.7), (0.5, 2.0), (1.5, 0.7), (1.5, 2.0)])
def test_trained_and_predicted_accuracies_have_each_their_own_noise(trained: float, stopped: float) -> None:
    """One model forty times, scattered as the factors on its noise of one point say: precisions add up."""
    each, sign = 20, np.array([1.0, -1.0] * 10)
    accuracy = 90 + np.concatenate([trained * sign, stopped * sign])
    predicted = np.arange(2 * each) >= each
    inputs = Inputs(np.zeros((2 * each, 1)), np.full(2 * each, 10.0))
    bias = 0.2**2  # of all predicted ones together
    shared = np.where(predicted, math.sqrt(bias), 0.0)
    fitted = Surrogate(inputs, accuracy, np.ones(2 * each), predicted, bias=shared, block=1, blocks=1)
    precision = 1 / (2 * accuracy.var()) + each / trained**2 + 1 / (stopped**2 / each + bias)
    assert fitted.guess(inputs[[0]])[1][0] == pytest.approx(math.sqrt(1 / precision), rel=1e-3)


@pytest.mark.parametrize("hinted", [False, True])
@pytest.mark.parametrize("singles", [0, 1])
@pytest.mark.parametrize("seed", range(8))
def test_guesses_are_those_of_the_likeliest_of_a_grid_of_gaussian_processes(
    seed: int, singles: int, hinted: bool
) -> None:
    rng = np.random.default_rng(seed)
    hints = rng.normal(size=(30, 2)) if hinted else None
    features, sizes = rng.uniform(-2, 2, (30, 5)), rng.uniform(9, 13, 30)
    accuracy = 90 - features[:, 0] ** 2 + features[:, 2] * features[:, 4] + sizes + rng.normal(0, 0.3, 30)
    accuracy += 0.0 if hints is None else hints.sum(axis=1)
    trained, asked = (
        Inputs(features[part], sizes[part], None if hints is None else hints[part])
        for part in (slice(0, 20), slice(20, 30))
    )
    predicted = np.arange(20) % 3 == 0
    noise, slopes = np.where(predicted, 1.0, 0.35), SLOPES if hinted else None
    bias = np.where(predicted, rng.uniform(0.1, 0.6, 20), 0.0)
    known = trained, accuracy[:20], noise, predicted
    fitted = Surrogate(*known, bias=bias, block=2, blocks=2, singles=singles, slopes=slopes)
    mean, spread, own = by_hand(*known, bias, asked, singles)
    found = fitted.guess(asked)
    assert found[0] == pytest.approx(mean) and found[1] == pytest.approx(spread)
    assert fitted.fitted == pytest.approx(own)


def test_one_trial_says_little_of_a_model_unlike_it() -> None:
    """What both have in common has half of a variance of 2; the trial's noise of 1 counts half."""
    inputs = Inputs(np.array([[0.0], [1e6]]), np.full(2, 10.0))
    none, bias = np.zeros(1, dtype=bool), np.zeros(1)
    fitted = Surrogate(inputs[[0]], np.array([90.0]), np.ones(1), none, bias=bias, block=1, blocks=1)
    mean, spread = fitted.guess(inputs)
    assert mean == pytest.approx([90.0, 90.0])
    assert spread == pytest.approx(np.sqrt([2 - 4 / 2.25, 2 - 1 / 2.25]), rel=1e-4)


@pytest.mark.parametrize("silent", ["trained", "asked"])
def test_models_without_hints_are_as_those_whose_hints_are_zero(silent: str) -> None:
    rng = np.random.default_rng(0)
    features, sizes, hints = rng.uniform(-2, 2, (12, 2)), rng.uniform(9, 13, 12), rng.normal(size=(12, 2))
    accuracy, parts = rng.normal(90, 1, 9), {"trained": slice(0, 9), "asked": slice(9, 12)}
    found = []
    for nothing in (None, np.zeros((12, 2))):
        told = {name: nothing if name == silent else hints for name in parts}
        known = {
            name: Inputs(features[own], sizes[own], None if (hint := told[name]) is None else hint[own])
            for name, own in parts.items()
        }
        own = {"bias": np.zeros(9), "block": 1, "blocks": 2, "slopes": SLOPES}
        fitted = Surrogate(known["trained"], accuracy, np.full(9, 0.3), np.zeros(9, dtype=bool), **own)
        found.append(np.concatenate([*fitted.guess(known["asked"]), fitted.fitted]))
    assert found[0] == pytest.approx(found[1])

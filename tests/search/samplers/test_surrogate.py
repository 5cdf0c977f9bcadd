"""What is guessed of models that were not trained."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lcsearch.search.samplers._surrogate import Inputs, Surrogate


def test_a_loss_that_adds_up_over_layers_is_learnt() -> None:
    """Four numbers, here the same, say what each of three layers keeps; early layers cost most."""
    rng = np.random.default_rng(3)
    kept = rng.uniform(-2, 2, (120, 3))
    accuracy = 92 - kept**2 @ np.array([1.0, 0.6, 0.2])
    inputs = Inputs(np.repeat(kept, 4, axis=1), rng.uniform(9, 12, 120))
    train, test = np.arange(80), np.arange(80, 120)
    none = np.zeros(80, dtype=bool)
    fitted = Surrogate(inputs[train], accuracy[train], np.full(80, 0.2), none, block=4, blocks=3)
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
    fitted = Surrogate(inputs, accuracy, np.ones(2 * each), predicted, block=1, blocks=1)
    bias = 0.5**2  # of all predicted ones together
    precision = 1 / (2 * accuracy.var()) + each / trained**2 + 1 / (stopped**2 / each + bias)
    assert fitted.guess(inputs[[0]])[1][0] == pytest.approx(math.sqrt(1 / precision), rel=1e-3)

"""What is guessed of models that were not trained."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.gaussian_process.kernels import Matern

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
    bias = 0.2**2  # of all predicted ones together
    precision = 1 / (2 * accuracy.var()) + each / trained**2 + 1 / (stopped**2 / each + bias)
    assert fitted.guess(inputs[[0]])[1][0] == pytest.approx(math.sqrt(1 / precision), rel=1e-3)


def by_hand(
    trained: Inputs, accuracy: np.ndarray, noise: np.ndarray, predicted: np.ndarray, asked: Inputs
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `Surrogate` is said to be, for two layers of two numbers and one shared number."""
    middle, scale = np.median(accuracy), np.std(accuracy)
    target, centre = (accuracy - middle) / scale, trained.log_params.mean()

    def kernel(a: Inputs, b: Inputs, length: float, additive: float) -> np.ndarray:
        matern = Matern(length, nu=2.5)
        layers = (matern(a.features[:, part], b.features[:, part]) for part in (slice(0, 2), slice(2, 4)))
        joint = matern(a.features / math.sqrt(2), b.features / math.sqrt(2))
        trend = np.outer(a.log_params - centre, b.log_params - centre)
        return additive * sum(layers) / 2 + (1 - additive) * joint + 0.05 * trend + 1.0

    found = []
    for length, additive, one, other in itertools.product(
        (0.7, 1.5, 3.0), (0.3, 0.7), (0.5, 1.5), (0.7, 2.0)
    ):
        deviation = noise / scale * np.where(predicted, other, one)
        noisy = np.diag(deviation**2 + 1e-6) + np.outer(predicted, predicted) * (0.2 / scale) ** 2
        there = kernel(trained, trained, length, additive)
        likely = multivariate_normal(np.zeros(len(target)), there + noisy).logpdf(target)
        found.append((likely, length, additive, noisy))
    _, length, additive, noisy = max(found, key=lambda one: one[0])
    there, cross = kernel(trained, trained, length, additive), kernel(asked, trained, length, additive)
    weights = np.linalg.solve(there + noisy, np.column_stack([target, cross.T]))
    variance = np.diag(kernel(asked, asked, length, additive)) - np.sum(cross.T * weights[:, 1:], axis=0)
    return (
        middle + scale * cross @ weights[:, 0],
        scale * np.sqrt(variance),
        middle + scale * there @ weights[:, 0],
    )


@pytest.mark.parametrize("seed", range(8))
def test_guesses_are_those_of_the_likeliest_of_a_grid_of_gaussian_processes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    some = Inputs(rng.uniform(-2, 2, (30, 5)), rng.uniform(9, 13, 30))
    accuracy = 90 - some.features[:, 0] ** 2 + some.features[:, 2] * some.features[:, 4] + some.log_params
    accuracy += rng.normal(0, 0.3, 30)
    trained, predicted = np.arange(20), np.arange(20) % 3 == 0
    noise = np.where(predicted, 1.0, 0.35)
    fitted = Surrogate(some[trained], accuracy[trained], noise, predicted, block=2, blocks=2)
    mean, spread, own = by_hand(some[trained], accuracy[trained], noise, predicted, some[20 + np.arange(10)])
    found = fitted.guess(some[20 + np.arange(10)])
    assert found[0] == pytest.approx(mean) and found[1] == pytest.approx(spread)
    assert fitted.fitted == pytest.approx(own)

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


SLOPES = np.array([[0.8, -0.5], [0.3, 1.2]])


def by_hand(
    trained: Inputs,
    accuracy: np.ndarray,
    noise: np.ndarray,
    predicted: np.ndarray,
    asked: Inputs,
    singles: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `Surrogate` is said to be, for two layers of two numbers and one, of channels or shared."""
    parts = [slice(0, 2), slice(2, 4), slice(4, 5)][: 2 + singles]
    told_of, told = (0.0 if one.hints is None else one.hints @ SLOPES[0] for one in (asked, trained))
    accuracy = accuracy - told
    middle, scale = np.median(accuracy), np.std(accuracy)
    target, centre = (accuracy - middle) / scale, trained.log_params.mean()

    def kernel(a: Inputs, b: Inputs, length: float, additive: float) -> np.ndarray:
        matern = Matern(length, nu=2.5)
        layers = (matern(a.features[:, part], b.features[:, part]) for part in parts)
        joint = matern(a.features / math.sqrt(len(parts)), b.features / math.sqrt(len(parts)))
        trend = np.outer(a.log_params - centre, b.log_params - centre)
        known = additive * sum(layers) / len(parts) + (1 - additive) * joint + 0.05 * trend + 1.0
        if a.hints is None or b.hints is None:
            return known
        return known + a.hints @ np.diag((SLOPES[1] / scale) ** 2) @ b.hints.T

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
        middle + scale * cross @ weights[:, 0] + told_of,
        scale * np.sqrt(variance),
        middle + scale * there @ weights[:, 0] + told,
    )


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
    fitted = Surrogate(
        trained, accuracy[:20], noise, predicted, block=2, blocks=2, singles=singles, slopes=slopes
    )
    mean, spread, own = by_hand(trained, accuracy[:20], noise, predicted, asked, singles)
    found = fitted.guess(asked)
    assert found[0] == pytest.approx(mean) and found[1] == pytest.approx(spread)
    assert fitted.fitted == pytest.approx(own)

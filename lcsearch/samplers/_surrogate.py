"""A Gaussian process that guesses accuracy from what each layer keeps.

The kernel is a sum: one Matérn 5/2 term per layer, averaged, because the loss of accuracy is nearly
additive over layers; and one term over everything, for what is not. A straight line in log params
carries the trend. Length scale, mix and noise are picked from a small grid by marginal likelihood, on a
subset where there are many trials: a proposal must take milliseconds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import cdist

Array = np.ndarray

_SHAPES = tuple(itertools.product((0.7, 1.5, 3.0), (0.3, 0.7)))
"""Length scales in log shares, and shares of the additive part."""

_NOISES = tuple(itertools.product((0.5, 1.5), (0.7, 2.0)))
"""Factors on the noise of trained and of predicted accuracies."""

_BIAS = 0.5
"""Standard deviation, in points, of how far predicted accuracies are off together."""

_TUNE_ON = 64
_TREND_VARIANCE = 1.0
_JITTER = 1e-6


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of models before training.

    Attributes:
        features: (n, blocks · block) numbers of the layers, then (n, rest) numbers of what is shared.
        log_params: (n,) natural logarithm of the parameter counts.
    """

    features: Array
    log_params: Array

    def __getitem__(self, index: Array) -> Inputs:
        """A selection of models."""
        return Inputs(self.features[index], self.log_params[index])


@dataclass(frozen=True, slots=True)
class _Kernel:
    length: float
    additive: float
    block: int
    blocks: int
    log_params: float

    def __call__(self, a: Inputs, b: Inputs) -> Array:
        """Covariances (n, m)."""
        whole = np.zeros((len(a.features), len(b.features)))
        summed = np.zeros_like(whole)
        for index in range(self.blocks):
            part = slice(index * self.block, (index + 1) * self.block)
            squared = cdist(a.features[:, part], b.features[:, part], "sqeuclidean")
            whole += squared
            summed += _matern(squared / self.length**2)
        rest = slice(self.blocks * self.block, None)
        shared = (
            cdist(a.features[:, rest], b.features[:, rest], "sqeuclidean")
            if a.features[:, rest].size
            else 0.0
        )
        scale = self.length**2 * max(1, self.blocks)
        joint = _matern((whole + shared) / scale)
        trend = np.outer(a.log_params - self.log_params, b.log_params - self.log_params)
        own = self.additive * summed / max(1, self.blocks) + (1 - self.additive) * joint
        return np.asarray(own + _TREND_VARIANCE * (0.05 * trend + 1.0))


class Surrogate:
    """Fitted to trials; guesses accuracies of others.

    Args:
        inputs: The trials' models.
        accuracy: (n,) in percent.
        noise: (n,) standard deviations in points.
        predicted: (n,) whether the accuracy is a stopped trial's prediction: those share an unknown bias.
        block: Features per layer.
        blocks: Layers.
    """

    def __init__(
        self, inputs: Inputs, accuracy: Array, noise: Array, predicted: Array, *, block: int, blocks: int
    ) -> None:
        self._inputs = inputs
        self._middle = float(np.median(accuracy))
        self._scale = float(np.std(accuracy)) or 1.0
        target = (accuracy - self._middle) / self._scale
        few = np.unique(np.linspace(0, len(target) - 1, min(len(target), _TUNE_ON)).astype(int))
        centre = float(np.mean(inputs.log_params))
        best = -np.inf
        noises = [
            _noises(noise / self._scale * np.where(predicted, stopped, trained), predicted, self._scale)
            for trained, stopped in _NOISES
        ]
        for length, additive in _SHAPES:
            kernel = _Kernel(length, additive, block, blocks, centre)
            clean = kernel(inputs[few], inputs[few])
            for noisy in noises:
                evidence = _evidence(clean + noisy[np.ix_(few, few)], target[few])
                if evidence > best:
                    best, self._kernel, chosen = evidence, kernel, noisy
        self._factor = cholesky(self._kernel(inputs, inputs) + chosen, lower=True)
        self._weights = cho_solve((self._factor, True), target)

    def guess(self, inputs: Inputs) -> tuple[Array, Array]:
        """Means and standard deviations (m,) of the noise-free accuracy, in percent and points."""
        cross = self._kernel(inputs, self._inputs)
        mean = cross @ self._weights
        solved = solve_triangular(self._factor, cross.T, lower=True)
        own = 1.0 + _TREND_VARIANCE * (0.05 * (inputs.log_params - self._kernel.log_params) ** 2 + 1.0)
        spread = np.sqrt(np.maximum(own - np.sum(solved**2, axis=0), 1e-10))
        return self._middle + self._scale * mean, self._scale * spread


def _matern(squared: Array) -> Array:
    distance = np.sqrt(5.0 * squared)
    return np.asarray((1.0 + distance + distance**2 / 3.0) * np.exp(-distance))


def _noises(noise: Array, predicted: Array, scale: float) -> Array:
    """Covariances (n, n) of what is observed beside the truth."""
    return np.asarray(np.diag(noise**2 + _JITTER) + np.outer(predicted, predicted) * (_BIAS / scale) ** 2)


def _evidence(covariance: Array, target: Array) -> float:
    factor = cholesky(covariance, lower=True)
    solved = solve_triangular(factor, target, lower=True)
    return float(-0.5 * solved @ solved - np.sum(np.log(np.diag(factor))))

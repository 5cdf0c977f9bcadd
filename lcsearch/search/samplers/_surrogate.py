"""A Gaussian process that guesses a number, such as accuracy, from what each layer keeps.

The kernel is a sum: one Matérn 5/2 term per layer, averaged, because what is lost is nearly
additive over layers; and one term over everything, for what is not. A straight line in log params
carries the trend. Length scale, mix and noise are picked from a small grid by marginal likelihood, on a
subset where there are many trials: a proposal must take milliseconds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dpotrf, dtrtrs
from scipy.spatial.distance import cdist, pdist, squareform

Array = np.ndarray

_LENGTHS = (0.7, 1.5, 3.0)
_SHAPES = tuple(itertools.product(_LENGTHS, (0.3, 0.7)))
"""Length scales in log shares, and shares of the additive part."""

_NOISES = tuple(itertools.product((0.5, 1.5), (0.7, 2.0)))
"""Factors on the noise of what was trained to its end and of predictions."""

_TUNE_ON = 64
_TREND_VARIANCE = 1.0
_SLOPE = 0.01
_JITTER = 1e-6


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of models before training.

    Attributes:
        features: (n, blocks · block) numbers of the layers, then (n, rest) numbers of what is shared.
        log_params: (n,) natural logarithm of the parameter counts.
        hints: (n, k) what else is known of them, in which the value is a straight line; None where nothing.
    """

    features: Array
    log_params: Array
    hints: Array | None = None

    def __getitem__(self, index: Array) -> Inputs:
        """A selection of models."""
        hints = None if self.hints is None else self.hints[index]
        return Inputs(self.features[index], self.log_params[index], hints)


@dataclass(frozen=True, slots=True)
class _Distances:
    """Between models a (n) and b (m): what every kernel of the grid is made of.

    Among models of one set (n) each pair is held once, in SciPy's order of `pdist`: half of the work.

    Attributes:
        layers: (blocks, n, m) or (blocks, pairs) squared distances, layer by layer.
        whole: (n, m) or (pairs,) squared distances over everything.
        trend: (n, m) or (n, n) products of the centred log params.
        hinted: (n, m) or (n, n) products of the hints; None where there are none.
    """

    layers: Array
    whole: Array
    trend: Array
    hinted: Array | None = None

    def matrix(self, found: Array, itself: float) -> Array:
        """What was worked out of the distances, as (n, m); ``itself`` is what a model has with itself."""
        if found.ndim == 2:
            return found
        square = squareform(found, checks=False)
        np.fill_diagonal(square, itself)
        return np.asarray(square)


@dataclass(frozen=True, slots=True)
class _Kernel:
    length: float
    additive: float

    def __call__(self, there: _Distances) -> Array:
        """Covariances (n, m)."""
        return self.mixed(there, *self.parts(there))

    def parts(self, there: _Distances) -> tuple[Array, Array]:
        """What depends on the length scale alone: the sum over layers, and the term over everything."""
        blocks = max(1, len(there.layers))
        summed = np.zeros_like(there.whole)
        for layer in there.layers:  # one at a time stays in the processor's cache
            summed += _matern(layer / self.length**2)
        joint = _matern(there.whole / (self.length**2 * blocks))
        return there.matrix(summed, len(there.layers)), there.matrix(joint, 1.0)

    def mixed(self, there: _Distances, summed: Array, joint: Array) -> Array:
        """The covariances that the parts make."""
        own = self.additive * summed / max(1, len(there.layers)) + (1 - self.additive) * joint
        own = own + _TREND_VARIANCE * (_SLOPE * there.trend + 1.0)
        return np.asarray(own if there.hinted is None else own + there.hinted)


class Surrogate:
    """Fitted to trials; guesses a number of others.

    Args:
        inputs: The trials' models.
        values: (n,) what is to be guessed of others.
        noise: (n,) its standard deviations.
        predicted: (n,) whether it is a prediction: those have a factor on their noise of their own.
        bias: (n,) standard deviations of an error that all have in common.
        block: Features per layer.
        blocks: Layers.
        singles: Choices of channels: a number each, behind those of the layers.
        slopes: (2, k) how much it is expected to rise with each hint, and the standard deviation of what it
            really rises by; None without hints.
    """

    def __init__(
        self,
        inputs: Inputs,
        values: Array,
        noise: Array,
        predicted: Array,
        *,
        bias: Array,
        block: int,
        blocks: int,
        singles: int = 0,
        slopes: Array | None = None,
    ) -> None:
        self._inputs, self._slopes = inputs, slopes
        expected = self._expected(inputs)
        values = values - expected
        starts = [*range(0, block * blocks, block), *range(block * blocks, block * blocks + singles)]
        self._parts = [slice(start, end) for start, end in pairwise([*starts, block * blocks + singles])]
        self._centre = float(np.mean(inputs.log_params))
        self._middle = float(np.median(values))
        self._scale = float(np.std(values)) or 1.0
        self._told = np.ones(0) if slopes is None else slopes[1] / self._scale
        target = (values - self._middle) / self._scale
        few = np.unique(np.linspace(0, len(target) - 1, min(len(target), _TUNE_ON)).astype(int))
        noises = _Noises(noise / self._scale, predicted, bias / self._scale)
        self._kernel, factors = _likeliest(self._distances(inputs[few]), noises[few], target[few])
        clean = self._kernel(self._distances(inputs))
        self._factor = cholesky(clean + noises(*factors), lower=True, check_finite=False)
        self._weights = cho_solve((self._factor, True), target, check_finite=False)
        self.fitted: Array = self._middle + self._scale * (clean @ self._weights) + expected
        """(n,) guesses of the trials' own values without noise."""

    def guess(self, inputs: Inputs) -> tuple[Array, Array]:
        """Means and standard deviations (m,) of the value without noise."""
        cross = self._kernel(self._distances(inputs, self._inputs))
        mean = cross @ self._weights
        solved = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        own = 1.0 + _TREND_VARIANCE * (_SLOPE * (inputs.log_params - self._centre) ** 2 + 1.0)
        if inputs.hints is not None:
            own = own + np.sum((inputs.hints * self._told) ** 2, axis=1)
        spread = np.sqrt(np.maximum(own - np.sum(solved**2, axis=0), 1e-10))
        return self._middle + self._scale * mean + self._expected(inputs), self._scale * spread

    def _expected(self, inputs: Inputs) -> Array:
        """(m,) by how much values are expected to be higher for what the hints say."""
        if inputs.hints is None or self._slopes is None:
            return np.zeros(len(inputs.log_params))
        return np.asarray(inputs.hints @ self._slopes[0])

    def _distances(self, a: Inputs, b: Inputs | None = None) -> _Distances:
        """Between the models of two sets, or among those of one."""
        count = len(a.features)
        pairs = (count * (count - 1) // 2,) if b is None else (count, len(b.features))
        layers = np.empty((len(self._parts), *pairs))
        for part, layer in zip(self._parts, layers, strict=True):
            _squared(a, b, part, layer)
        rest = slice(self._parts[-1].stop if self._parts else 0, None)
        whole = layers.sum(axis=0)
        if a.features[:, rest].size:
            whole += _squared(a, b, rest)
        other = b or a
        trend = np.outer(a.log_params - self._centre, other.log_params - self._centre)
        hinted = None
        if a.hints is not None and other.hints is not None:
            hinted = (a.hints * self._told**2) @ other.hints.T
        return _Distances(layers, whole, trend, hinted)


def _squared(a: Inputs, b: Inputs | None, part: slice, out: Array | None = None) -> Array:
    """Squared distances over a part of the features, between two sets or among one."""
    if b is None:
        return np.asarray(pdist(a.features[:, part], "sqeuclidean", out=out))
    return np.asarray(cdist(a.features[:, part], b.features[:, part], "sqeuclidean", out=out))


@dataclass(frozen=True, slots=True)
class _Noises:
    """What is observed beside the truth.

    Attributes:
        noise: (n,) standard deviations.
        predicted: (n,) whether a value is a prediction.
        bias: (n,) standard deviations of an error that all have in common.
    """

    noise: Array
    predicted: Array
    bias: Array

    def __getitem__(self, few: Array) -> _Noises:
        """That of some models."""
        return _Noises(self.noise[few], self.predicted[few], self.bias[few])

    def __call__(self, trained: float, stopped: float) -> Array:
        """Covariances (n, n), with these factors on the noise of trained and of predicted ones."""
        noise = self.noise * np.where(self.predicted, stopped, trained)
        return np.asarray(np.diag(noise**2 + _JITTER) + np.outer(self.bias, self.bias))


def _likeliest(there: _Distances, noises: _Noises, target: Array) -> tuple[_Kernel, tuple[float, float]]:
    """The kernel and the factors on the noise under which the targets are likeliest."""
    found = list[tuple[float, _Kernel, tuple[float, float]]]()
    parts = {length: _Kernel(length, 0.0).parts(there) for length in _LENGTHS}
    noisy = {factors: noises(*factors) for factors in _NOISES}
    for length, additive in _SHAPES:
        kernel = _Kernel(length, additive)
        clean = kernel.mixed(there, *parts[length])
        for factors, own in noisy.items():
            found.append((_evidence(clean + own, target), kernel, factors))
    _, kernel, factors = max(found, key=lambda one: one[0])
    return kernel, factors


def _matern(squared: Array) -> Array:
    """(1 + d + d²/3)·exp(-d) for d = √(5·squared), in place: new memory costs more than the arithmetic.

    Args:
        squared: Is overwritten.
    """
    squared *= 5.0
    distance = np.sqrt(squared, out=squared)
    found = 1.0 + distance
    third = distance**2
    third /= 3.0
    found += third
    np.negative(distance, out=distance)
    np.exp(distance, out=distance)
    found *= distance
    return np.asarray(found)


def _evidence(covariance: Array, target: Array) -> float:
    factor, failed = dpotrf(covariance, lower=1)  # LAPACK itself: SciPy's checks take as long at this size
    if failed:
        raise np.linalg.LinAlgError(f"the covariance is not positive definite (dpotrf: {failed})")
    solved, _ = dtrtrs(factor, target, lower=1)
    return float(-0.5 * solved @ solved - np.sum(np.log(np.diag(factor))))

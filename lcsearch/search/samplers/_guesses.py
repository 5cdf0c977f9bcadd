"""Guesses of accuracy, learnt as the logarithm of what it falls short of the best.

Near the best accuracy models differ by tenths of a point, far below it by points: cut a layer in half twice,
and the second half costs more. On a plain scale a Gaussian process takes the steep end for the whole, and
large models, of which there is hardly anything to be gained, seem uncertain. The logarithm of the shortfall
makes both ends alike, and a straight line of it in logarithms of sizes is a power law, as errors of nets
follow them (arXiv 1712.00409). So what is expected before any trial is one: a model falls the shorter of the
best the less its layers and its channels keep.
"""

from __future__ import annotations

import numpy as np

from lcsearch.search.samplers._surrogate import Inputs, Surrogate

Array = np.ndarray

ABOVE = 1.0
"""Points above the best trial's accuracy that the shortfall is measured from."""

LAYERS, CHANNELS = 0.4, 0.5
"""Powers of the share that a layer keeps, and of channels, with which the shortfall is expected to grow.

Of the geometric mean over all of them. As in docs/search.md: without channels 0.4 of what is gained is lost.
"""

_BIAS = 0.2
"""Standard deviation, in points, of how far predicted accuracies are off together."""


class Guesses:
    """Fitted to trials; guesses accuracies of others.

    Args:
        inputs: The trials' models; the first number of each layer is the logarithm of the share it keeps.
        accuracy: (n,) in percent.
        noise: (n,) standard deviations in points.
        predicted: (n,) whether the accuracy is a stopped trial's prediction: those share an unknown bias.
        block: Features per layer.
        blocks: Layers.
        singles: Choices of channels: the logarithm of the share that stays each, behind those of the layers.
        slopes: (2, k) how much accuracy is expected to rise with each hint, in points, and the standard
            deviation of what it really rises by; None without hints. Points of a middling trial: of a better
            one it rises by fewer.
    """

    def __init__(
        self,
        inputs: Inputs,
        accuracy: Array,
        noise: Array,
        predicted: Array,
        *,
        block: int,
        blocks: int,
        singles: int = 0,
        slopes: Array | None = None,
    ) -> None:
        self._powers = _powers(block, blocks, singles)
        self._top = float(accuracy.max()) + ABOVE
        short = self._top - accuracy
        self._surrogate = Surrogate(
            inputs,
            -np.log(short) - self._expected(inputs),
            noise / short,
            predicted,
            bias=np.where(predicted, _BIAS / short, 0.0),
            block=block,
            blocks=blocks,
            singles=singles,
            slopes=None if slopes is None else slopes / np.median(short),
        )
        self.fitted: Array = self._accuracy(self._surrogate.fitted + self._expected(inputs))
        """(n,) guesses of the trials' own noise-free accuracies, in percent."""

    def guess(self, inputs: Inputs) -> tuple[Array, Array]:
        """Medians and standard deviations (m,) of the noise-free accuracy, in percent and points."""
        mean, spread = self._surrogate.guess(inputs)
        accuracy = self._accuracy(mean + self._expected(inputs))
        return accuracy, spread * (self._top - accuracy)

    def _expected(self, inputs: Inputs) -> Array:
        """(m,) what is expected before any trial, up to a number that all share."""
        return np.asarray(inputs.features[:, : len(self._powers)] @ self._powers)

    def _accuracy(self, learnt: Array) -> Array:
        return np.asarray(self._top - np.exp(-learnt))


def _powers(block: int, blocks: int, singles: int) -> Array:
    """Of each feature of layers and channels, the power of what it is the logarithm of; else 0."""
    powers = np.zeros(block * blocks + singles)
    powers[: block * blocks : block] = LAYERS / max(1, blocks)
    powers[block * blocks :] = CHANNELS / max(1, singles)
    return powers

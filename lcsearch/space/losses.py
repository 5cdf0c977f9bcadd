"""What a layer alone is known to cost the model at a size: measured at some sizes, interpolated between."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_LEAST = 1e-6
"""Nats that a plain layer counts as losing: losses are interpolated by their logarithms."""


@dataclass(frozen=True, slots=True)
class LossCurve:
    """The loss of a model one layer of which is compressed, by the parameters that the layer keeps.

    Attributes:
        sizes: Logarithms of parameter counts, rising.
        losses: Logarithms of losses in nats, never rising.
    """

    sizes: tuple[float, ...]
    losses: tuple[float, ...]

    @classmethod
    def through(cls, measured: Iterable[tuple[int, float]], plain: int) -> LossCurve:
        """The curve through the best that was measured at each size or below.

        Args:
            measured: Parameters of the layer, below those of the plain one, and losses of the model.
            plain: Parameters of the plain layer, which loses nothing.
        """
        points = sorted(measured)
        best = np.minimum.accumulate([max(loss, _LEAST) for _, loss in points])
        sizes = [math.log(params) for params, _ in points] + [math.log(plain)]
        return cls(tuple(sizes), (*np.log(best).tolist(), math.log(_LEAST)))

    def __call__(self, params: int) -> float:
        """The loss in nats at a number of parameters; below the smallest measured one, the loss of that."""
        return math.exp(np.interp(math.log(params), self.sizes, self.losses))

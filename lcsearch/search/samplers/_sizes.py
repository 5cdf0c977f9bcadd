"""The one number that a proposal weighs accuracy against.

With two objectives that is the size itself: exact, in closed form. With more, every proposal draws weights
and takes the weighted geometric mean of the sizes, so that over many proposals the whole front of all
objectives is aimed at (random scalarization after ParEGO, Knowles, IEEE TEC 10(1), 2006). A size that is
not the params is known of trained trials and guessed for children: ridge regression of its logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lcsearch.search.samplers._limits import line, row
from lcsearch.search.samplers._past import Seen

Array = np.ndarray


class Sizes:
    """Sizes under the weights of one proposal.

    Args:
        trained: Trials with an accuracy, at least one.
        ends: Params of the smallest and of the largest model.
        rng: Draws the weights.
    """

    def __init__(self, trained: Sequence[Seen], ends: tuple[float, float], rng: np.random.Generator) -> None:
        params = [float(seen.params) for seen in trained]
        own = list(zip(*(seen.sizes for seen in trained), strict=True)) or [tuple(params)]
        self._exact = len(own) == 1 and list(own[0]) == params
        self._weights = np.ones(1) if len(own) == 1 else rng.dirichlet(np.ones(len(own)))
        self._lines = [None if list(size) == params else _fitted(trained, size) for size in own]
        logs = self._weights @ np.log(np.array(own))
        self.trained: Array = np.exp(logs)
        span = 0.2 * float(np.ptp(logs)) + 0.1
        found = float(np.exp(logs.min() - span)), float(np.exp(logs.max()))
        self.low, self.high = ends if self._exact else found

    def __call__(self, params: Sequence[float], features: Sequence[Array]) -> Array:
        """Sizes (m,) of models that were not trained."""
        if self._exact:
            return np.array(params, dtype=float)
        rows = np.array([row(int(size), own) for size, own in zip(params, features, strict=True)])
        logs = np.array([np.log(params) if fit is None else rows @ fit for fit in self._lines])
        return np.asarray(np.exp(self._weights @ logs))


def _fitted(trained: Sequence[Seen], size: Sequence[float]) -> Array:
    """What guesses the logarithm of a size."""
    return line(np.array([row(seen.params, seen.features) for seen in trained]), np.log(size))

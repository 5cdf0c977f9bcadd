"""Fits guesses of accuracy to earlier trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lcsearch.search.samplers._guesses import Guesses
from lcsearch.search.samplers._layout import Layout
from lcsearch.search.samplers._past import Seen
from lcsearch.search.samplers._surrogate import Inputs

Array = np.ndarray

MOST = 160
"""Trials that guesses are fitted to, at most."""
TRAINED_NOISE, _PREDICTED_NOISE, _LEAST_PREDICTED_NOISE = 0.35, 1.0, 0.3
"""Standard deviations of accuracies in points: trained, predicted by an unknown error, and by the least."""
_FLOOR = 12.0
"""Points below the best at which an accuracy counts as no lower."""


def fit(
    pool: Sequence[Seen], layout: Layout, hints: Array | None = None, slopes: Array | None = None
) -> Guesses:
    """Guesses of accuracy, as far as trials say it.

    Args:
        pool: The trials, each with an accuracy.
        layout: Genes of the space.
        hints: (n, k) what else is known of them; None where nothing.
        slopes: (2, k) as `Guesses` takes it.
    """
    accuracy = np.array([seen.accuracy for seen in pool], dtype=float)
    accuracy = np.maximum(accuracy, accuracy.max() - _FLOOR)
    predicted = np.array([seen.predicted for seen in pool])
    noise = np.array([_noise(seen) for seen in pool])
    return Guesses(
        inputs(pool, hints),
        accuracy,
        noise,
        predicted,
        block=layout.block,
        blocks=layout.convolutions,
        singles=len(layout.choices),
        slopes=slopes,
    )


def inputs(seen: Sequence[Seen], hints: Array | None = None) -> Inputs:
    """What guesses are made from.

    Args:
        seen: Trials.
        hints: (n, k) what else is known of them; None where nothing.
    """
    return Inputs(np.array([s.features for s in seen]), np.log([s.params for s in seen]), hints)


def _noise(seen: Seen) -> float:
    """Standard deviation of a trial's accuracy around what its model would have without noise."""
    if not seen.predicted:
        return TRAINED_NOISE
    return _PREDICTED_NOISE if seen.error is None else max(seen.error, _LEAST_PREDICTED_NOISE)

"""Expected hypervolume improvement where one objective is known exactly.

The size of a child is known before training, so the expectation is over its accuracy alone and has a
closed form: along the axis of log params, the front is a staircase of best accuracies; a child lifts
every step at or above its size by its expected improvement over that step.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from lcsearch.core.pareto import Box, front

Array = np.ndarray


def expected_improvement(
    mean: Array, spread: Array, params: Array, accuracy: Array, sizes: Array, box: Box
) -> Array:
    """Return what each child is expected to add to the dominated area, in points · log params.

    Args:
        mean: (m,) guessed accuracies of the children, in percent.
        spread: (m,) standard deviations of the guesses, in points, above 0.
        params: (m,) their sizes.
        accuracy: (n,) accuracies of what is there.
        sizes: (n,) its sizes.
        box: Below its accuracy_low nothing counts, nor outside its sizes; its accuracy_high is not used.
    """
    members = front(list(zip(accuracy.tolist(), sizes.tolist(), strict=True)))
    starts = np.log(np.clip([box.params_low, *sizes[members]], box.params_low, box.params_high))
    ends = np.append(starts[1:], np.log(box.params_high))
    floors = np.maximum(np.array([box.accuracy_low, *accuracy[members]]), box.accuracy_low)
    begin = np.log(np.clip(params, box.params_low, box.params_high))[:, None]
    widths = np.maximum(0.0, ends[None, :] - np.maximum(starts[None, :], begin))
    above = (mean[:, None] - floors[None, :]) / spread[:, None]
    density = np.exp(-0.5 * above**2) / np.sqrt(2 * np.pi)
    gain = spread[:, None] * (above * ndtr(above) + density)
    return np.asarray(np.sum(widths * gain, axis=1))

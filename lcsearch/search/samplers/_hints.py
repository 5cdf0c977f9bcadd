"""What a surrogate is told of models that were cut out: how well they do before any training.

What is lost then is mostly won back, but not all of it: accuracy after fine-tuning falls about in a straight
line with the logarithm of the share of wrong answers before it (docs/search.md). At chance that is hardly ten
times the backbone's, so that a model that answers nothing right yet is no hopeless one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SLOPES = np.array([[0.0, -1.2], [1.0, 0.4]])
"""Points by which accuracy after fine-tuning is expected to rise with each hint, and how far that is off.

As measured (docs/search.md). Few trials, and stopped ones, say little of it: left to them, the slope of a
search became 0, and all candidates alike.
"""
_LEAST = 1.0
"""Wrong answers in percent below which differences are those of a few images."""


class Hints:
    """Makes hints of accuracies before any training.

    Args:
        trained: Those of the trials that a surrogate is fitted to, in percent; None for one from scratch.
    """

    def __init__(self, trained: Sequence[float | None]) -> None:
        self._middle = float(np.mean([_wrong(accuracy) for accuracy in trained if accuracy is not None]))

    def __call__(self, accuracies: Sequence[float | None]) -> np.ndarray:
        """(n, 2): whether a model is cut out, and then how much is wrong; zeros for one from scratch."""
        return np.array([[0.0, 0.0] if a is None else [1.0, _wrong(a) - self._middle] for a in accuracies])


def _wrong(accuracy: float) -> float:
    return float(np.log(max(_LEAST, 100.0 - accuracy)))

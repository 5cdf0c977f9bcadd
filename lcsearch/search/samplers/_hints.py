"""What a surrogate is told of models beside what they are: how they start, and what they do before training.

Models that are cut out of a trained one and fine-tuned differ from those that train from scratch, for more
epochs, by an offset (docs/search.md, "What the surrogate is told"). Where models are looked at before they
are trained, it is told what is lost then, too. That is mostly won back, but not all of it: accuracy after
fine-tuning falls about in a straight line with the logarithm of the share of wrong answers before it. At
chance that is hardly ten times the backbone's, so that a model that answers nothing right yet is no hopeless
one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lcsearch.search.samplers._past import Seen

Array = np.ndarray

SLOPES = np.array([[0.0, -1.2], [1.0, 0.4]])
"""Points by which accuracy is expected to rise with each hint, and how far that is off.

Cut out models may be better or worse than others: an offset of 0.3 to 3 points is about as good. The slope
is as measured (docs/search.md). Few trials, and stopped ones, say little of it: left to them, the slope of a
search became 0, and all candidates alike.
"""
_LEAST = 1.0
"""Wrong answers in percent below which differences are those of a few images."""


class Hints:
    """Makes hints of models.

    Args:
        trained: The trials that a surrogate is fitted to.
        cut_from: Parameters from which new models are cut out of a trained one, where that is known.
        looked: Whether models are looked at before they are trained, and the surrogate is told of it.
    """

    def __init__(
        self, trained: Sequence[Seen], cut_from: float | None = None, *, looked: bool = False
    ) -> None:
        self._cut_from, self._looked = cut_from, looked
        wrong = [_wrong(one.screened) for one in trained if one.screened is not None]
        self._middle = float(np.mean(wrong)) if looked else 0.0

    @property
    def slopes(self) -> Array:
        """(2, k) how much accuracy is expected to rise with each hint, and how far that is off."""
        return SLOPES if self._looked else SLOPES[:, :1]

    def of(self, seen: Sequence[Seen]) -> Array:
        """(n, k) hints of trials."""
        cut = [one.cut or (self._looked and one.screened is not None) for one in seen]
        return self._told(cut, [one.screened for one in seen])

    def of_new(self, params: Sequence[int], before: Sequence[float | None] = ()) -> Array:
        """(n, k) hints of models that were not trained yet.

        Args:
            params: Their parameters.
            before: Where models are looked at, their accuracies before any training in percent; None for one
                from scratch.
        """
        if self._looked:
            return self._told([one is not None for one in before], before)
        assert self._cut_from is not None
        return self._told([size >= self._cut_from for size in params], ())

    def _told(self, cut: Sequence[bool], before: Sequence[float | None]) -> Array:
        """Whether a model is cut out, and then, where they are looked at, how much is wrong."""
        told = np.array(cut, dtype=float)[:, None]
        if not self._looked:
            return told
        wrong = [0.0 if one is None else _wrong(one) - self._middle for one in before]
        return np.column_stack([told, wrong])


def _wrong(accuracy: float) -> float:
    return float(np.log(max(_LEAST, 100.0 - accuracy)))

"""Predict the final accuracy of a trial from its first epochs, and the curves of those that finished."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Curve = Sequence[float]
"""Validation accuracy in percent after each epoch, the first epoch first."""

# Pulls the slope towards 0 where few curves, or curves close together, say little about it (points²).
_PRIOR_SPREAD = 10.0

_PRIOR_ERROR, _PRIOR_CURVES = 0.6, 4
"""How far a prediction is expected to be off after one epoch, in points, and the curves that this weighs as.

With more epochs it falls as the square root. Of the recorded trainings of docs/search.md, cut after the first
epoch, predictions are some 0.6 points off."""

_LEAST_ERROR = 0.2
"""Noise of a final accuracy, which nothing can predict, in points."""


class Extrapolation(NamedTuple):
    """A final accuracy as far as the first epochs say it.

    Attributes:
        accuracy: The prediction in percent.
        error: Its standard deviation in points; 0 where nothing is left to predict.
    """

    accuracy: float
    error: float


def extrapolate(curve: Curve, finished: Sequence[Curve]) -> Extrapolation:
    """Predict the accuracy in percent that a stopped trial would have ended with.

    The gain from the trial's last epoch to the end is a straight line in the accuracy at that
    epoch, fitted by least squares to the finished trials with a prior on its slope. The slope is
    kept between -1 and 0: who is behind gains more, but does not overtake. Stopped trials are
    worse than finished ones, so this extrapolates, and the bounds keep it sober. The error is what
    the line leaves of the finished trials' own gains, with a prior where there are few.

    Args:
        curve: The trial's curve.
        finished: Curves of complete trials; only the longest ones count, all trained to the end.

    Returns:
        The prediction, at most 100; the curve's last accuracy where no finished trial is longer.

    Raises:
        ValueError: The curve is empty, or an accuracy is not finite.
    """
    if not all(map(math.isfinite, curve)) or not all(math.isfinite(a) for c in finished for a in c):
        raise ValueError("a curve holds an accuracy that is not finite")
    if not curve:
        raise ValueError("a curve without an epoch says nothing of its end")
    epoch, last = len(curve), curve[-1]
    full = max((len(other) for other in finished), default=0)
    if full <= epoch:
        return Extrapolation(last, 0.0)
    starts = [other[epoch - 1] for other in finished if len(other) == full]
    gains = [other[-1] - other[epoch - 1] for other in finished if len(other) == full]
    middle, mean_gain = sum(starts) / len(starts), sum(gains) / len(gains)
    spread = sum((start - middle) ** 2 for start in starts)
    shared = sum((s - middle) * (g - mean_gain) for s, g in zip(starts, gains, strict=True))
    slope = min(0.0, max(-1.0, shared / (spread + _PRIOR_SPREAD)))
    missed = [g - mean_gain - slope * (s - middle) for s, g in zip(starts, gains, strict=True)]
    return Extrapolation(min(100.0, last + mean_gain + slope * (last - middle)), _error(missed, epoch))


def _error(missed: Sequence[float], epoch: int) -> float:
    """Standard deviation of predictions, from what the line missed the finished trials' gains by."""
    prior = _PRIOR_CURVES * _PRIOR_ERROR**2 / epoch
    freedom = max(0, len(missed) - 2)
    squares = sum(one**2 for one in missed) if freedom else 0.0
    return max(_LEAST_ERROR, math.sqrt((squares + prior) / (freedom + _PRIOR_CURVES)))

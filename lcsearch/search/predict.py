"""Predict the final accuracy of a trial that was stopped, from the curves of those that finished."""

from __future__ import annotations

import math
from collections.abc import Sequence

Curve = Sequence[float]
"""Validation accuracy in percent after each epoch, the first epoch first."""

# Pulls the slope towards 0 where few curves, or curves close together, say little about it (points²).
_PRIOR_SPREAD = 10.0


def predict_final(curve: Curve, finished: Sequence[Curve]) -> float | None:
    """Return the accuracy in percent that a stopped trial would have ended with.

    The gain from the trial's last epoch to the end is a straight line in the accuracy at that
    epoch, fitted by least squares to the finished trials with a prior on its slope. The slope is
    kept between -1 and 0: who is behind gains more, but does not overtake. Stopped trials are
    worse than finished ones, so this extrapolates, and the bounds keep it sober.

    Args:
        curve: The stopped trial's curve.
        finished: Curves of complete trials; only the longest ones count, all trained to the end.

    Returns:
        The prediction, at most 100; the curve's last accuracy where no finished trial is longer;
        None where the curve is empty.

    Raises:
        ValueError: An accuracy is not finite.
    """
    if not all(map(math.isfinite, curve)) or not all(math.isfinite(a) for c in finished for a in c):
        raise ValueError("a curve holds an accuracy that is not finite")
    if not curve:
        return None
    epoch, last = len(curve), curve[-1]
    full = max((len(other) for other in finished), default=0)
    if full <= epoch:
        return last
    starts = [other[epoch - 1] for other in finished if len(other) == full]
    gains = [other[-1] - other[epoch - 1] for other in finished if len(other) == full]
    middle, mean_gain = sum(starts) / len(starts), sum(gains) / len(gains)
    spread = sum((start - middle) ** 2 for start in starts)
    shared = sum((s - middle) * (g - mean_gain) for s, g in zip(starts, gains, strict=True))
    slope = min(0.0, max(-1.0, shared / (spread + _PRIOR_SPREAD)))
    return min(100.0, last + mean_gain + slope * (last - middle))

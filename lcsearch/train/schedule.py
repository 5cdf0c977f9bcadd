"""The learning rate of every step, as a pure function: a resumed run has nothing to restore."""

from __future__ import annotations


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Linear rise to the peak, then linear fall towards zero.

    The first step and the last are above zero, so that each of them trains.

    Args:
        step: 0 for the first.
        steps: Steps of the whole training, all epochs.
        peak: Highest learning rate.
        warmup: Share of the steps in which it rises, 0 to 1.
    """
    rising = warmup * steps
    if step + 1 <= rising:
        return peak * (step + 1) / rising
    return peak * (steps - step) / (steps - rising + 1)

"""How the hypervolume of a search rises, by what it spends: epochs or seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from lcsearch.core.pareto import Box, hypervolume


def climb(steps: Iterable[tuple[float, float | None, int]], box: Box) -> list[tuple[float, float]]:
    """What is spent and the hypervolume reached, after each trial.

    Args:
        steps: What is spent by then, the trial's accuracy if it was trained to its end, and its parameters.
        box: Of the hypervolume.
    """
    points, found = list[tuple[float, float]](), list[tuple[float, float]]()
    for spent, accuracy, params in steps:
        if accuracy is not None:
            points.append((accuracy, params))
        found.append((spent, hypervolume(points, box)))
    return found


def reached(own: Sequence[tuple[float, float]], spent: float) -> float:
    """The hypervolume once so much is spent; 0 before the first trial has ended."""
    return max((volume for cost, volume in own if cost <= spent), default=0.0)


def needed(own: Sequence[tuple[float, float]], goal: float) -> float:
    """What is spent until a hypervolume is reached; infinite where it never is."""
    return next((spent for spent, volume in own if volume >= goal), math.inf)

"""Pareto front, hypervolume, knee: accuracy (more is better) against params (fewer is better)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]

BELOW_BASELINE = 5.0
ABOVE_BASELINE = 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """The box whose dominated share is the hypervolume.

    Attributes:
        accuracy_low: Accuracy in percent that scores nothing.
        accuracy_high: Accuracy in percent beyond which nothing more is scored.
        params_low: Size below which nothing more is scored.
        params_high: Size that scores nothing. The params axis is logarithmic.
    """

    accuracy_low: float
    accuracy_high: float
    params_low: float
    params_high: float

    def __post_init__(self) -> None:
        """Refuse what spans no box; equal ends are a flat box, whose hypervolume is 0.

        Raises:
            ValueError: A side is reversed, not finite, or a size is not positive.
        """
        sides = (self.accuracy_low, self.accuracy_high, self.params_low, self.params_high)
        if not all(math.isfinite(side) for side in sides):
            raise ValueError(f"box {sides} has a side that is not finite")
        if self.accuracy_low > self.accuracy_high:
            raise ValueError(f"accuracy_low={self.accuracy_low} > accuracy_high={self.accuracy_high}")
        if not 0 < self.params_low <= self.params_high:
            raise ValueError(f"need 0 < params_low={self.params_low} <= params_high={self.params_high}")


def box_of(baseline_accuracy: float, baseline_params: float, smallest_params: float) -> Box:
    """Return the box of a run: 5 points below to 1 point above the baseline, smallest model to backbone.

    Args:
        baseline_accuracy: Accuracy of the plain backbone, in percent.
        baseline_params: Its parameters.
        smallest_params: Parameters of the smallest model of the space.
    """
    return Box(
        accuracy_low=baseline_accuracy - BELOW_BASELINE,
        accuracy_high=baseline_accuracy + ABOVE_BASELINE,
        params_low=min(smallest_params, baseline_params),
        params_high=baseline_params,
    )


def front(points: Sequence[Point]) -> list[int]:
    """Return the indices of the non-dominated points, by rising params.

    A point is dominated by another with no more params and no less accuracy that is strictly
    better in one of them. Of equal points the first stands for all.

    Args:
        points: (accuracy in percent, params) of each trial.

    Raises:
        ValueError: A number is NaN or infinite, or params are not positive.
    """
    _check(points)
    members: list[int] = []
    best = -math.inf
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0], i)):
        if points[index][0] > best:
            best = points[index][0]
            members.append(index)
    return members


def hypervolume(points: Sequence[Point], box: Box) -> float:
    """Return the share of the box that the points dominate, 0 (none of it) to 1 (all of it).

    Args:
        points: (accuracy in percent, params); dominated ones and ones outside the box are allowed.
        box: The box; a flat one gives 0.

    Raises:
        ValueError: As ``front``.
    """
    members = front(points)
    volume = 0.0
    for place, index in enumerate(members):
        following = points[members[place + 1]][1] if place + 1 < len(members) else box.params_high
        volume += _width(points[index][1], following, box) * _height(points[index][0], box)
    return min(1.0, volume / area) if (area := _area(box)) else 0.0


def contribution(points: Sequence[Point], box: Box) -> list[float]:
    """Return the hypervolume that would be lost with each point, 0 for dominated and for equal ones.

    Args:
        points: (accuracy in percent, params).
        box: The box; a flat one gives zeros.

    Returns:
        Shares of the box, in the order of the points.

    Raises:
        ValueError: As ``front``.
    """
    members = front(points)
    lost = [0.0] * len(points)
    area = _area(box)
    if not area:
        return lost
    for place, index in enumerate(members):
        lower = points[members[place - 1]] if place else (-math.inf, 0.0)
        until = points[members[place + 1]][1] if place + 1 < len(members) else box.params_high
        # Without the point, its stretch of the params axis falls to the next best that fits there.
        stretch = [p for i, p in enumerate(points) if i != index and p[0] > lower[0] and p[1] < until]
        rest = [lower, *(stretch[i] for i in front(stretch))]
        start = points[index][1]
        for step, (accuracy, params) in enumerate(rest):
            end = rest[step + 1][1] if step + 1 < len(rest) else until
            gain = _height(points[index][0], box) - _height(accuracy, box)
            lost[index] += _width(max(start, params), end, box) * max(0.0, gain) / area
    return lost


def knee(points: Sequence[Point], within: float = BELOW_BASELINE) -> int:
    """Return the index of the front's knee: the point farthest above the line between its ends.

    Both axes are scaled to the front's own range, params logarithmically. Front points more than
    ``within`` points of accuracy below the best are left out: one tiny useless model would
    otherwise set the scale. Ties go to the more accurate point.

    Args:
        points: (accuracy in percent, params).
        within: How far below the best accuracy the front is looked at, in points.

    Raises:
        ValueError: There is no point; and as ``front``.
    """
    members = front(points)
    if not members:
        raise ValueError("a knee needs at least one point")
    near = [i for i in members if points[i][0] >= points[members[-1]][0] - within]
    (low, smallest), (high, largest) = points[near[0]], points[near[-1]]
    if len(near) < 3:
        return near[-1]

    def above_line(index: int) -> float:
        accuracy, params = points[index]
        along = math.log(params / smallest) / math.log(largest / smallest)
        return (accuracy - low) / (high - low) - along

    return max(reversed(near), key=lambda i: round(above_line(i), 12))


def ranks(points: Sequence[Point]) -> list[int]:
    """Return each point's non-dominated rank: 0 on the front, 1 on the front of the rest, and so on.

    Equal points share a rank.

    Args:
        points: (accuracy in percent, params).

    Raises:
        ValueError: As ``front``.
    """
    _check(points)
    result = [0] * len(points)
    # The best accuracy so far in rank k, negated: it falls with k, so this is sorted.
    best: list[float] = []
    previous: tuple[Point, int] | None = None
    for params, worse, index in sorted(
        [(params, -accuracy, i) for i, (accuracy, params) in enumerate(points)]
    ):
        if previous is not None and previous[0] == (worse, params):
            result[index] = previous[1]
            continue
        rank = bisect_right(best, worse)
        best[rank : rank + 1] = [worse]
        result[index] = rank
        previous = (worse, params), rank
    return result


def _check(points: Sequence[Point]) -> None:
    for index, (accuracy, params) in enumerate(points):
        if not (math.isfinite(accuracy) and math.isfinite(params) and params > 0):
            raise ValueError(f"point {index}: accuracy={accuracy}, params={params}; need finite, params > 0")


def _height(accuracy: float, box: Box) -> float:
    return min(max(accuracy, box.accuracy_low), box.accuracy_high) - box.accuracy_low


def _width(start: float, end: float, box: Box) -> float:
    low, high = (min(max(params, box.params_low), box.params_high) for params in (start, end))
    return max(0.0, math.log(high / low))


def _area(box: Box) -> float:
    return (box.accuracy_high - box.accuracy_low) * math.log(box.params_high / box.params_low)

"""A front as a curve: what it needs for an accuracy, what it reaches at a size. Never extrapolated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from lcsearch.core import pareto
from lcsearch.report.points import Point


@dataclass(frozen=True, slots=True)
class Needed:
    """The parameters a curve needs for an accuracy.

    Attributes:
        params: Parameters.
        at_most: Whether already the curve's smallest model is accurate enough, so that the true
            need may be less than ``params``.
    """

    params: float
    at_most: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """Non-dominated (params, accuracy) points, both strictly rising.

    Between two points accuracy is taken as linear in log(params). Outside them nothing is claimed.
    """

    points: tuple[tuple[float, float], ...]

    @property
    def smallest(self) -> float:
        """Parameters of its smallest model."""
        return self.points[0][0]

    @property
    def best(self) -> tuple[float, float]:
        """(params, accuracy) of its most accurate model."""
        return self.points[-1]

    def needed(self, accuracy: float) -> Needed | None:
        """Return the fewest parameters that reach an accuracy in percent; None if it is never reached."""
        if accuracy > self.best[1]:
            return None
        if accuracy <= self.points[0][1]:
            return Needed(self.smallest, at_most=accuracy < self.points[0][1])
        for (p0, a0), (p1, a1) in pairwise(self.points):
            if accuracy == a1:
                return Needed(p1, at_most=False)
            if a0 < accuracy < a1:
                share = (accuracy - a0) / (a1 - a0)
                return Needed(math.exp(math.log(p0) + share * math.log(p1 / p0)), at_most=False)
        raise AssertionError("unreachable: the points rise from below the accuracy to above it")

    def accuracy(self, params: float) -> float | None:
        """Return the accuracy in percent at a size.

        Beyond the largest model this is the largest model's accuracy, because a model may be
        smaller than allowed; below the smallest it is None.
        """
        if params < self.smallest:
            return None
        for (p0, a0), (p1, a1) in pairwise(self.points):
            if p0 <= params < p1:
                return a0 + (a1 - a0) * math.log(params / p0) / math.log(p1 / p0)
        return self.best[1]


def curve_through(points: Iterable[Point]) -> Curve | None:
    """Return the curve through the non-dominated ones of some points; None without points."""
    pairs = [(p.accuracy, float(p.params)) for p in points]
    if not pairs:
        return None
    return Curve(tuple((pairs[i][1], pairs[i][0]) for i in pareto.front(pairs)))

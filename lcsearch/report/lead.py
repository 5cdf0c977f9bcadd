"""How far one curve lies above another, over all sizes that both have models of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from lcsearch.report.interpolate import Curve


@dataclass(frozen=True, slots=True)
class Lead:
    """One curve against another.

    Attributes:
        low: Parameters from which on both have models.
        high: Parameters of the largest model of either that is smaller than the backbone.
        mean: Points of accuracy by which it is ahead, mean over log(parameters).
        least: At the size where it is least ahead; negative where it is behind.
        most: At the size where it is most ahead.
        models: How many models of each make the curves there.
    """

    low: float
    high: float
    mean: float
    least: float
    most: float
    models: tuple[int, int]

    def chance(self, error: float) -> float:
        """Standard error of the mean, in points, where ``error`` is that of one accuracy."""
        return error * math.sqrt(sum(1 / count for count in self.models))


def lead_of(ours: Curve, theirs: Curve, backbone: float) -> Lead | None:
    """Compare two curves that end in the backbone, if better models do not end them before.

    Args:
        ours: The curve that may be ahead.
        theirs: The other.
        backbone: Parameters of the backbone, where there is nothing to compare.

    Returns:
        The lead; None where one has no model that is smaller than the backbone.
    """
    low = max(ours.smallest, theirs.smallest)
    if low >= backbone:
        return None
    sizes = {params for curve in (ours, theirs) for params, _ in curve.points if low <= params < backbone}
    corners = sorted(sizes | {low})
    gaps = [(ours.accuracy(params) or 0.0) - (theirs.accuracy(params) or 0.0) for params in corners]
    return Lead(
        low,
        corners[-1],
        _mean(corners, gaps),
        min(gaps),
        max(gaps),
        (_models(ours, corners), _models(theirs, corners)),
    )


def _mean(corners: list[float], gaps: list[float]) -> float:
    """Mean over the logarithm of what is linear in it between corners."""
    if len(corners) == 1:
        return gaps[0]
    whole = math.log(corners[-1] / corners[0])
    places = pairwise(zip(corners, gaps, strict=True))
    return math.fsum((a + b) / 2 * math.log(q / p) / whole for (p, a), (q, b) in places)


def _models(curve: Curve, corners: list[float]) -> int:
    """Models of a curve between the first and the last corner; where there are none, one lies beside."""
    return max(1, sum(corners[0] <= params <= corners[-1] for params, _ in curve.points))

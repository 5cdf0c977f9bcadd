"""Early stopping by what a trial can still bring, compared with what epochs have brought lately.

A trial goes on where the hypervolume that it is expected to add to the run's front, per epoch that is left,
is at least half of what the latest trials of the search added per epoch. Its final accuracy is predicted from
its curve so far, with an error that comes from how well the curves of complete trials would have been
predicted. In a search that turns to another trial whenever that is the better use of the next epoch, the
long-run gain per epoch is the price of an epoch (the marginal value theorem of foraging); half of it, because
whoever goes on may still be stopped at the next rung.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lcsearch.core.improvement import expected_improvement
from lcsearch.core.pareto import ABOVE_BASELINE, BELOW_BASELINE, Box, Point, hypervolume
from lcsearch.search.predict import Extrapolation, extrapolate
from lcsearch.search.stopping import Arrival, Ended

LATELY = 20
"""So many of the search's latest trials say what an epoch brings."""

FEWEST = 4
"""Nothing is stopped before so many of the search's own trials have ended."""

SHARE = 0.5
"""Of what an epoch brought lately, the least that a trial must promise per epoch to go on."""

_LEAST_SPREAD = 1e-6
"""Stands for no error at all, in points."""


def worth_its_epochs(arrival: Arrival) -> tuple[bool, str]:
    """Let a trial go on while what it still promises per epoch is worth an epoch."""
    own = [one for one in arrival.ended if not one.hand_picked]
    if len(own) < FEWEST:
        return True, f"fewer than {FEWEST} trials of the search have ended"
    end = extrapolate(arrival.curve, [one.curve for one in arrival.ended if one.complete])
    box = _box(arrival)
    promised = _expected_gain(arrival, end, box) / arrival.left
    lately = _gain_of(own[-LATELY:], arrival, box)
    go_on = promised >= SHARE * lately
    words = "promises" if go_on else "no longer promises"
    return go_on, (
        f"{words} half of the hypervolume per epoch of the latest {len(own[-LATELY:])}: "
        f"{100 * promised:.2g} against {100 * lately:.2g} % "
        f"(predicted {arrival.metric} {end.accuracy:.2f} ± {end.error:.2f} %)"
    )


def _expected_gain(arrival: Arrival, end: Extrapolation, box: Box) -> float:
    """Share of the box that the trial is expected to add to the front."""
    width = math.log(box.params_high / box.params_low)
    if not width:
        return 0.0
    gain = expected_improvement(
        np.array([end.accuracy]),
        np.array([max(end.error, _LEAST_SPREAD)]),
        np.array([arrival.trial.params], dtype=float),
        np.array([record.accuracy for record in arrival.front]),
        np.array([record.params for record in arrival.front], dtype=float),
        box,
    )
    return float(gain[0]) / (width * (box.accuracy_high - box.accuracy_low))


def _gain_of(latest: Sequence[Ended], arrival: Arrival, box: Box) -> float:
    """Share of the box that the latest trials added, per epoch that they were trained for."""
    late = {one.number for one in latest}
    points = _complete(arrival)
    before = [point for number, point in points.items() if number not in late]
    gained = hypervolume(list(points.values()), box) - hypervolume(before, box)
    return gained / max(1, sum(len(one.curve) for one in latest))


def _complete(arrival: Arrival) -> dict[int, Point]:
    """By number, where complete trials ended: the latest ones, and the run's front."""
    points = {one.number: (one.accuracy, float(one.params)) for one in arrival.front}
    ended = (one for one in arrival.ended if one.complete and one.curve)
    return points | {one.number: (one.curve[-1], float(one.params)) for one in ended}


def _box(arrival: Arrival) -> Box:
    """As far below and above the best accuracy as a run's own box is around its baseline, and all sizes."""
    points = list(_complete(arrival).values()) or [(arrival.trial.accuracy, float(arrival.trial.params))]
    best = max(accuracy for accuracy, _ in points)
    sizes = [float(arrival.trial.params), *(params for _, params in points)]
    return Box(best - BELOW_BASELINE, best + ABOVE_BASELINE, min(sizes), max(sizes))


STOPPING_RULE = worth_its_epochs

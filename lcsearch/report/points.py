"""Trials as points of a plot: where they lie, how sure that is, and which kind they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lcsearch.core import pareto
from lcsearch.core.records import RetrainWay, RunRecord, TrialRecord
from lcsearch.runs.choose import front_of

Size = Literal["params", "macs", "trainable"]
"""What an accuracy is plotted against."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Point:
    """One trial in a plot.

    Attributes:
        trial: Its number.
        accuracy: Percent; a stopped trial's is that of its last finished epoch.
        params: Numbers that the model must store.
        macs: Multiply-accumulates of one image.
        error: Half the length of its error bar in points of accuracy; None where nothing is known.
        init: Where a retrained model's weights came from; None for a trial of the search.
        trainable: Numbers that training changes; None where they are all that is stored.
    """

    trial: int
    accuracy: float
    params: int
    macs: int
    error: float | None = None
    init: RetrainWay | None = None
    trainable: int | None = None

    def size(self, axis: Size) -> int:
        """Its place on the size axis."""
        if axis == "trainable" and self.trainable is not None:
            return self.trainable
        return self.macs if axis == "macs" else self.params


def setting(run: RunRecord, name: str) -> Any:
    """Return one setting of a run, None where it is not recorded."""
    settings = run.settings.get("settings", run.settings)
    return settings.get(name) if isinstance(settings, Mapping) else None


def noise_images(run: RunRecord) -> int | None:
    """Return how many validation images an accuracy's noise is worked out from; None as below."""
    facts = run.settings.get("facts")
    known = facts.get("effective_images") if isinstance(facts, Mapping) else None
    return known or validation_images(run)


def validation_images(run: RunRecord) -> int | None:
    """Return how many images every validation accuracy was counted on; None where it is not recorded."""
    facts = run.settings.get("facts")
    known = facts.get("validation_images") if isinstance(facts, Mapping) else None
    value = known or setting(run, "validation_images")
    return value if isinstance(value, int) and value > 0 else None


def binomial_error(accuracy: float, images: int | None) -> float | None:
    """Return the standard error of an accuracy that was counted on so many images.

    Args:
        accuracy: Percent.
        images: Images of the set; None gives None.

    Returns:
        Points of accuracy: 100 * sqrt(q(1-q)/n) with q of Laplace's rule, so never 0.
    """
    if images is None:
        return None
    share = (accuracy / 100 * images + 1) / (images + 2)
    return 100 * math.sqrt(share * (1 - share) / images)


def mean_interval(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean of several seeds and half the length of its 95 % confidence interval.

    Args:
        values: One number per seed.

    Returns:
        (mean, half length by Student's t); the half length is None for a single seed.
    """
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    from scipy.stats import t

    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * math.sqrt(variance / len(values))


def point_of(trial: TrialRecord) -> Point | None:
    """Return a trial's point, None where it has no accuracy at all."""
    if trial.state == "complete" and trial.accuracy is not None:
        return _point(trial, trial.accuracy)
    if trial.state in ("pruned", "running") and trial.epochs:
        return _point(trial, trial.epochs[-1].accuracy)
    return None


def _point(trial: TrialRecord, accuracy: float) -> Point:
    trainable = None if trial.trainable == trial.params else trial.trainable
    return Point(trial.number, accuracy, trial.params, trial.macs, trainable=trainable)


def front_line(trials: Sequence[TrialRecord], axis: Size) -> tuple[Point, ...]:
    """Return the front of accuracy against a size, smallest first."""
    if axis == "params":
        return points_of(front_of(trials))
    points = points_of([t for t in trials if t.state == "complete" and t.duplicate_of is None])
    return tuple(points[i] for i in pareto.front([(p.accuracy, p.size(axis)) for p in points]))


def points_of(trials: Sequence[TrialRecord]) -> tuple[Point, ...]:
    """Return the points of the trials that have one, in their order."""
    return tuple(p for p in map(point_of, trials) if p is not None)


def retrained_points(run: RunRecord) -> tuple[Point, ...]:
    """Return the retrained models, smallest first: mean test accuracy with its confidence interval."""
    by_number = {t.number: t for t in run.trials}
    points = []
    for record in run.retrained:
        trial = by_number.get(record.trial)
        if trial is not None and record.accuracies:
            mean, half = mean_interval(record.accuracies)
            points.append(replace(_point(trial, mean), error=half, init=record.init))
    return tuple(sorted(points, key=lambda p: p.params))

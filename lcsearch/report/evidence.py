"""What a verdict rests on: the curves that are compared, and how sure their accuracies are.

A curve goes through the non-dominated models of one kind, accuracy linear in log(params) between two of
them. All end in the plain backbone (alpha 1 is the backbone, and so is a net with all channels). Nothing is
read off a curve where it has no models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lcsearch.core.metric import metric_words
from lcsearch.core.records import RIVALS, SEARCHED, Origin, RunRecord
from lcsearch.report.interpolate import Curve, Needed, curve_through
from lcsearch.report.kinds import kind_names
from lcsearch.report.lead import Lead, lead_of
from lcsearch.report.points import (
    Point,
    binomial_error,
    noise_images,
    points_of,
    retrained_points,
    validation_images,
)

_KINDS: Mapping[str, tuple[Origin, ...]] = {
    "search": SEARCHED,
    **{origin: (origin,) for origin in RIVALS},
    "by hand": RIVALS,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What each kind of model needs for one accuracy.

    Attributes:
        drop: Points below the backbone.
        accuracy: The accuracy itself, in percent.
        needed: Kind (``search``, a hand-picked one, ``by hand`` for the best of several) to what it needs:
            at most the backbone's size, since every curve ends there. The search is missing where no
            searched model that is smaller than the backbone reached the accuracy.
    """

    drop: float
    accuracy: float
    needed: dict[str, Needed]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is compared.

    Attributes:
        baseline: The plain backbone.
        reached: Each kind's best accuracy of a model that is smaller than the backbone: above it its curve
            is only a line to the backbone. Minus infinity where there is no such model.
        curves: The curve of each kind that has models.
        error: Standard error of one accuracy, in points; None where it is not known.
        source: What the error comes from, in words.
        tested: Whether accuracies are those of retrained models on the test images.
        metric: What people call an accuracy.
        names: What each kind is called in a sentence.
    """

    baseline: Point
    reached: dict[str, float]
    curves: dict[str, Curve]
    error: float | None
    source: str
    tested: bool
    metric: str
    names: Mapping[str, str]

    def target(self, drop: float) -> Target:
        """Return what each kind needs for an accuracy so many points below the backbone's."""
        accuracy = self.baseline.accuracy - drop
        needed = {kind: curve.needed(accuracy) for kind, curve in self.curves.items()}
        if not self.has_smaller("search", accuracy):
            del needed["search"]
        return Target(drop, accuracy, {kind: need for kind, need in needed.items() if need is not None})

    def lead(self, kind: str) -> Lead | None:
        """How far the search is ahead of a kind over the sizes that both have; None where they share none.

        Above the largest model that is smaller than the backbone there is none to compare.
        """
        return lead_of(self.curves["search"], self.curves[kind], self.baseline.params)

    def has_smaller(self, kind: str, accuracy: float) -> bool:
        """Whether this kind has a model smaller than the backbone of at least this accuracy."""
        return self.reached[kind] >= accuracy


def evidence_of(run: RunRecord) -> Evidence | None:
    """Return what a run has to compare; None before the backbone and a searched model are finished.

    Once both have been retrained and tested, that is what counts.
    """
    return _tested(run) or _validated(run)


def _validated(run: RunRecord) -> Evidence | None:
    if run.baseline is None:
        return None
    (baseline,) = points_of([run.baseline])
    # A search that proposes a hand-picked model again has not found it; of two hand-picked ones both count.
    counted = [t for t in run.trials if t.duplicate_of is None or t.origin not in SEARCHED]
    points = points_of([t for t in counted if t.state == "complete"])
    images = validation_images(run)
    error = binomial_error(baseline.accuracy, noise_images(run))
    return _compared(run, baseline, points, error, f"{images:,} validation images" if images else "")


def _tested(run: RunRecord) -> Evidence | None:
    points = retrained_points(run)
    origin = {t.number: t.origin for t in run.trials}
    baseline = next((p for p in points if origin[p.trial] == "baseline"), None)
    if baseline is None:
        return None
    images = max(r.test_images for r in run.retrained)
    spread = [p.error for p in points if p.error is not None]
    error = max(
        binomial_error(baseline.accuracy, run.retrained[0].effective_images or images) or 0.0,
        math.sqrt(math.fsum(e * e for e in spread) / len(spread)) / 2 if spread else 0.0,
    )
    return _compared(run, baseline, points, error, f"seeds and {images:,} test images", tested=True)


def _compared(
    run: RunRecord,
    baseline: Point,
    points: Sequence[Point],
    error: float | None,
    source: str,
    *,
    tested: bool = False,
) -> Evidence | None:
    """Sort points by kind; nothing is compared without a searched one."""
    origin = {t.number: t.origin for t in run.trials}
    kinds = {kind: [p for p in points if origin[p.trial] in origins] for kind, origins in _KINDS.items()}
    if not kinds["search"]:
        return None
    if sum(bool(kinds[kind]) for kind in RIVALS) < 2:
        del kinds["by hand"]
    reached = {kind: _best_smaller(members, baseline) for kind, members in kinds.items()}
    curves = {kind: _curve(members, baseline) for kind, members in kinds.items() if members}
    metric, names = metric_words(run.metric), kind_names(run)
    return Evidence(baseline, reached, curves, error, source, tested, metric, names)


def _best_smaller(points: Sequence[Point], baseline: Point) -> float:
    return max((p.accuracy for p in points if p.params < baseline.params), default=-math.inf)


def _curve(points: Sequence[Point], baseline: Point) -> Curve:
    curve = curve_through([*points, baseline])
    assert curve is not None, "there is at least the backbone"
    return curve

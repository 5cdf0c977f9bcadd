"""Which trials are retrained; decided by validation accuracy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lcsearch.core import pareto
from lcsearch.core.errors import InputError, Named
from lcsearch.core.records import RIVALS, Origin, RunRecord, TrialRecord
from lcsearch.runs.choose import choose, front_of

DROP = 0.5
"""Hand-picked models are compared with the smallest model within so many points of the backbone."""


def picks(run: RunRecord, top: int | None = None, numbers: Sequence[int] = ()) -> tuple[TrialRecord, ...]:
    """Return what to retrain: the front, or some of it, with what it must be compared with.

    The plain backbone is always among them, and so is of each hand-picked kind the model that is nearest in
    size to the smallest one within `DROP` points of the backbone.

    Args:
        run: The run.
        top: Only so many of the front, those that carry most of its hypervolume.
        numbers: These trials instead of the front.

    Returns:
        Trials that were trained, by rising parameters.

    Raises:
        InputError: There is no such trial, or the run has no complete one.
    """
    if numbers and top is not None:
        raise InputError("does not go with ", Named("trial"), "; give one of them", setting="top")
    members = front_of(run.trials)
    if not members:
        raise InputError(f"{run.path}: the run has no complete trial to retrain yet")
    chosen = [_named(run, number) for number in numbers] if numbers else _best(run, members, top)
    beside = [] if run.baseline is None else [run.baseline]
    reference = _reference(run, chosen)
    for origin in RIVALS:
        nearest = _nearest(run, origin, reference)
        beside += [] if nearest is None else [nearest]
    found = {trial.number: trial for trial in (*chosen, *beside)}
    return tuple(sorted(found.values(), key=lambda trial: (trial.params, trial.number)))


def _named(run: RunRecord, number: int) -> TrialRecord:
    trial = choose(run.trials, None, trial=number).trial
    return trial if trial.duplicate_of is None else _named(run, trial.duplicate_of)


def _best(run: RunRecord, members: list[TrialRecord], top: int | None) -> list[TrialRecord]:
    """Drop the member with the smallest contribution until ``top`` are left."""
    if top is None or run.baseline is None:
        return members if top is None else members[-top:]
    box = pareto.box_of(run.baseline.accuracy or 0.0, run.baseline.params, run.smallest_params)
    left = list(members)
    while len(left) > top:
        lost = pareto.contribution([(t.accuracy or 0.0, t.params) for t in left], box)
        del left[min(range(len(left)), key=lambda i: (lost[i], left[i].accuracy or 0.0))]
    return left


def _reference(run: RunRecord, chosen: list[TrialRecord]) -> TrialRecord:
    if run.baseline is not None:
        floor = (run.baseline.accuracy or 0.0) - DROP
        near = [t for t in chosen if (t.accuracy or 0.0) >= floor]
        if near:
            return min(near, key=lambda t: t.params)
    return max(chosen, key=lambda t: t.accuracy or 0.0)


def _nearest(run: RunRecord, origin: Origin, reference: TrialRecord) -> TrialRecord | None:
    """The complete hand-picked model of a kind with the nearest parameters; of equals the better."""
    members = [t for t in run.complete if t.origin == origin]

    def apart(trial: TrialRecord) -> tuple[float, float]:
        return abs(math.log(trial.params / reference.params)), -(trial.accuracy or 0.0)

    return min(members, key=apart, default=None)

"""Choose one trial of a run: under a size, within an accuracy drop, at the knee, or by number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lcsearch.core import pareto
from lcsearch.core.config import Source
from lcsearch.core.errors import InputError, Named
from lcsearch.core.metric import ACCURACY, metric_words
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.text import format_count

# Accuracies are counts of images over their number: digits of a difference beyond these are rounding.
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen trial and what stands beside it.

    Attributes:
        trial: The chosen one.
        why: How it was chosen, in one line.
        smaller: The next smaller member of the front; None where there is none.
        larger: The next larger member of the front; None where there is none.
    """

    trial: TrialRecord
    why: str
    smaller: TrialRecord | None
    larger: TrialRecord | None


def front_of(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the front of the complete trials by rising params; a duplicate never stands for its original.

    Args:
        trials: Any trials; those that are not complete or repeat an earlier one are left out.
    """
    complete = [t for t in trials if t.state == "complete" and t.duplicate_of is None]
    return [complete[i] for i in pareto.front([(_accuracy(t), t.params) for t in complete])]


def choose(
    trials: Sequence[TrialRecord],
    baseline: TrialRecord | None,
    *,
    max_params: int | None = None,
    max_drop: float | None = None,
    knee: bool = False,
    trial: int | None = None,
    metric: str = "accuracy",
) -> Choice:
    """Choose one trial; exactly one way of choosing must be given.

    Args:
        trials: The trials of a run.
        baseline: The plain backbone's trial; only ``max_drop`` needs it.
        max_params: The most accurate front member with no more parameters than this.
        max_drop: The smallest front member at most so many points of accuracy below the baseline.
        knee: The knee of the front.
        trial: The trial of this number, on the front or not.
        metric: What people call an accuracy of the run.

    Raises:
        InputError: Not exactly one way is given, nothing satisfies it (the message names the
            nearest), or the run has nothing to choose from.
    """
    given = [max_params is not None, max_drop is not None, knee, trial is not None]
    if sum(given) != 1:
        ways = (Named("max_drop"), ", ", Named("knee"), ", ", Named("trial"))
        raise InputError("give exactly one of ", Named("max_params"), ", ", *ways)
    if trial is not None:
        return _by_number(trials, trial)
    members = front_of(trials)
    if not members:
        raise InputError("the run has no complete trial to choose from yet")
    if max_params is not None:
        return _under_size(members, max_params, _best_words(metric))
    if max_drop is not None:
        return _within_drop(members, baseline, max_drop, metric)
    return _at_knee(members, metric)


def source_of(run: RunRecord, choice: Choice) -> Source:
    """What a config says of the trial that it was chosen to hold."""
    trial, metric = choice.trial, None if run.metric == ACCURACY else run.metric
    trainable = None if trial.trainable == trial.params else trial.trainable
    numbers = (trial.number, trial.accuracy, trial.params, trial.macs)
    return Source(str(run.path), *numbers, choice.why, metric, trainable)


def _best_words(metric: str) -> str:
    return "the most accurate" if metric == metric_words(ACCURACY) else f"the best by {metric}"


def _under_size(members: Sequence[TrialRecord], max_params: int, best: str) -> Choice:
    fitting = [t for t in members if t.params <= max_params]
    if not fitting:
        raise InputError(
            f"no complete trial has at most {max_params} parameters; the smallest is {_name(members[0])}",
            setting="max_params",
        )
    return _choice(fitting[-1], f"{best} with at most {format_count(max_params)} parameters", members)


def _within_drop(
    members: Sequence[TrialRecord], baseline: TrialRecord | None, max_drop: float, metric: str
) -> Choice:
    if not math.isfinite(max_drop):
        raise InputError(f"{max_drop} is not a number of {metric} points such as 0.5", setting="max_drop")
    if baseline is None or baseline.accuracy is None:
        raise InputError("the run has no complete baseline to compare with", setting="max_drop")
    best = baseline.accuracy
    fitting = [t for t in members if round(best - _accuracy(t), _DIGITS) <= max_drop]
    if not fitting:
        raise InputError(
            f"no complete trial is within {max_drop:g} points of the baseline's "
            f"{baseline.accuracy:.2f} %; {_best_words(metric)} is {_name(members[-1])}",
            setting="max_drop",
        )
    return _choice(fitting[0], f"the smallest within {max_drop:g} points of the baseline's {metric}", members)


def _at_knee(members: Sequence[TrialRecord], metric: str) -> Choice:
    chosen = members[pareto.knee([(_accuracy(t), t.params) for t in members])]
    return _choice(chosen, f"the knee of the front: beyond it {metric} costs more parameters", members)


def _by_number(trials: Sequence[TrialRecord], number: int) -> Choice:
    found = next((t for t in trials if t.number == number), None)
    if found is None:
        known = f"0 to {max(t.number for t in trials)}" if trials else "none yet"
        raise InputError(f"there is no trial {number}; the run's trials are {known}", setting="trial")
    if found.state != "complete":
        done = [t for t in trials if t.state == "complete"]
        near = min(done, key=lambda t: (abs(t.number - number), t.number), default=None)
        nearest = f"; the nearest complete one is {_name(near)}" if near else ""
        raise InputError(f"trial {number} is {found.state}, not complete{nearest}", setting="trial")
    return _choice(found, "chosen by its number", front_of(trials))


def _choice(trial: TrialRecord, why: str, members: Sequence[TrialRecord]) -> Choice:
    others = [t for t in members if t.number != trial.number]
    smaller = [t for t in others if t.params < trial.params]
    larger = [t for t in others if t.params > trial.params]
    return Choice(trial, why, smaller[-1] if smaller else None, larger[0] if larger else None)


def _accuracy(trial: TrialRecord) -> float:
    if trial.accuracy is None:
        raise ValueError(f"trial {trial.number} is complete without an accuracy")
    return trial.accuracy


def _name(trial: TrialRecord) -> str:
    return f"trial {trial.number} with {format_count(trial.params)} parameters and {_accuracy(trial):.2f} %"

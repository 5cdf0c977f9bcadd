"""How the search went: learning curves, hypervolume against effort, who ran what when."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lcsearch.core import pareto
from lcsearch.core.records import RunRecord, State, TrialRecord
from lcsearch.core.text import format_seconds
from lcsearch.report.points import front_line

MOST_CURVES = 250
"""More learning curves than this cover each other."""

FEWEST_FOR_ADVICE = 10
RECENT = 20


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Accuracy after each epoch of one trial."""

    trial: int
    state: State
    on_front: bool
    epochs: tuple[int, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LearningCurves:
    """Learning curves and the rungs at which trials were compared; ``of`` trials could have been drawn."""

    curves: tuple[LearningCurve, ...]
    rungs: tuple[int, ...]
    of: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Hypervolume after each trial that ended, complete or not.

    Attributes:
        epochs: Epochs trained until then, by all trials together.
        seconds: Seconds until then in which at least one trial was running.
        hypervolume: Share of the box, 0 to 1.
        advice: In words, whether more search is likely to help.
    """

    epochs: tuple[int, ...]
    seconds: tuple[float, ...]
    hypervolume: tuple[float, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One trial on one worker, in seconds since the start of the run."""

    trial: int
    worker: str
    state: State
    start: float
    seconds: float


def learning_curves(run: RunRecord) -> LearningCurves | None:
    """Return the learning curves; None before the first epoch.

    Of many trials the front and the hand-picked ones are kept, and of the rest an even sample.
    """
    front = {p.trial for p in front_line(run.trials, "params")}
    trained = [t for t in run.trials if t.epochs]
    if not trained:
        return None
    first = [t for t in trained if t.number in front or t.origin != "sampler"]
    rest = [t for t in trained if t.number not in front and t.origin == "sampler"]
    room = max(0, MOST_CURVES - len(first))
    if len(rest) > room:
        rest = [rest[k * len(rest) // room] for k in range(room)]
    drawn = sorted([*first, *rest], key=lambda t: t.number)
    curves = tuple(
        LearningCurve(t.number, t.state, t.number in front, *zip(*_curve(t), strict=True)) for t in drawn
    )
    rungs = sorted({d.rung for t in run.trials for d in t.decisions})
    return LearningCurves(curves, tuple(rungs), len(trained))


def _curve(trial: TrialRecord) -> list[tuple[int, float]]:
    """Accuracy by epoch; epoch 0 is a model that was cut out of a backbone, before its fine-tuning."""
    before = trial.accuracy_before
    start = [] if before is None else [(0, before)]
    return [*start, *((done.epoch, done.accuracy) for done in trial.epochs)]


def progress(run: RunRecord) -> Progress | None:
    """Return how hypervolume grew; None before the backbone is complete."""
    baseline = run.baseline
    if baseline is None or baseline.accuracy is None:
        return None
    box = pareto.box_of(baseline.accuracy, baseline.params, run.smallest_params)
    finished = sorted((t for t in run.trials if t.epochs), key=_end)
    busy = _Busy(run.trials)
    front: list[tuple[float, float]] = []
    epochs, steps = 0, []
    volume = 0.0
    for trial in finished:
        epochs += len(trial.epochs)
        if trial.state == "running":
            continue
        if trial.state == "complete" and trial.accuracy is not None:
            front, grown = _add(front, (trial.accuracy, float(trial.params)))
            volume = pareto.hypervolume(front, box) if grown else volume
        steps.append((epochs, busy.until(_end(trial)), volume, trial.origin == "sampler"))
    if not steps:
        return None
    columns = list(zip(*steps, strict=True))
    return Progress(columns[0], columns[1], columns[2], _advice(steps))


def timeline(run: RunRecord) -> tuple[Bar, ...]:
    """Return when each trial ran where, earliest first."""
    started = [t for t in run.trials if t.started_at is not None and t.epochs]
    if not started:
        return ()
    origin = min(t.started_at or 0.0 for t in started)
    bars = [
        Bar(
            t.number,
            t.worker or "worker",
            t.state,
            (t.started_at or 0.0) - origin,
            _end(t) - (t.started_at or 0.0),
        )
        for t in started
    ]
    return tuple(sorted(bars, key=lambda b: (b.start, b.trial)))


def _end(trial: TrialRecord) -> float:
    last = trial.epochs[-1].finished_at if trial.epochs else 0.0
    return max(trial.finished_at or last, last)


def _add(
    front: list[tuple[float, float]], point: tuple[float, float]
) -> tuple[list[tuple[float, float]], bool]:
    if any(a >= point[0] and p <= point[1] for a, p in front):
        return front, False
    both = [*front, point]
    return [both[i] for i in pareto.front(both)], True


def _advice(steps: Sequence[tuple[int, float, float, bool]]) -> str:
    """Say whether more search is likely to help, from how often recent trials still moved the front."""
    searched = [(volume, before[2]) for before, (*_, volume, own) in pairwise(steps) if own]
    if len(searched) < FEWEST_FOR_ADVICE:
        ended = "1 searched trial has" if len(searched) == 1 else f"{len(searched)} searched trials have"
        return f"Only {ended} ended: too early to tell whether more would help."
    recent = searched[-RECENT:]
    moved = sum(after > before for after, before in recent)
    gain, volume = sum(after - before for after, before in recent), steps[-1][2]
    share = gain / volume if volume else 0.0
    fact = (
        f"Of the last {len(recent)} searched trials {moved} improved the front; they raised hypervolume by "
        f"{100 * gain:.1f} points to {100 * volume:.1f} % of the box"
    )
    if not moved or share < 0.002:
        return f"{fact}: more search is unlikely to help much."
    if share < 0.02:
        return f"{fact}: more search is likely to help a little."
    return f"{fact}: more search is likely to help."


class _Busy:
    """Seconds in which at least one trial ran, so that a pause between stop and resume costs nothing."""

    def __init__(self, trials: Sequence[TrialRecord]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._before: list[float] = []
        busy = 0.0
        for start, end in sorted(
            (t.started_at, _end(t)) for t in trials if t.started_at is not None and t.epochs
        ):
            if self._ends and start <= self._ends[-1]:
                busy += max(end - self._ends[-1], 0.0)
                self._ends[-1] = max(end, self._ends[-1])
                continue
            self._starts.append(start)
            self._ends.append(end)
            self._before.append(busy)
            busy += end - start

    def until(self, moment: float) -> float:
        place = bisect_right(self._starts, moment) - 1
        if place < 0:
            return 0.0
        return self._before[place] + min(moment, self._ends[place]) - self._starts[place]


def busy_words(run: RunRecord) -> str:
    """Say how long the run has been busy, such as ``12m 05s``."""
    return format_seconds(_Busy(run.trials).until(math.inf))

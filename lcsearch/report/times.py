"""When trials ran, in seconds; a pause between a stop and a resume is no time of the run."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.text import format_seconds


def end_of(trial: TrialRecord) -> float:
    """Return the Unix time at which a trial ended, or its last epoch did where that is later."""
    last = trial.epochs[-1].finished_at if trial.epochs else 0.0
    return max(trial.finished_at or last, last)


class Busy:
    """The seconds in which at least one trial ran.

    Args:
        trials: Every trial of a run.
    """

    def __init__(self, trials: Iterable[TrialRecord]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._before: list[float] = []
        busy = 0.0
        for start, end in sorted(
            (t.started_at, end_of(t)) for t in trials if t.started_at is not None and t.epochs
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
        """Return the busy seconds before a Unix time."""
        place = bisect_right(self._starts, moment) - 1
        if place < 0:
            return 0.0
        return self._before[place] + min(moment, self._ends[place]) - self._starts[place]


def busy_words(run: RunRecord) -> str:
    """Say how long the run has been busy, such as ``12m 05s``."""
    return format_seconds(Busy(run.trials).until(math.inf))


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit of an axis that ends at so many seconds: its length in seconds, and its name."""
    for size, unit in ((3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return size, unit
    return 1.0, "seconds"

"""Where the time of a run's workers went, as text: a table of all trials, and the shares in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lcsearch.core.records import TrialRecord
from lcsearch.core.stopwatch import PHASES, added_up

FILE = "profile.csv"
"""In a run directory: the table, in seconds."""


def spent_table(trials: Iterable[TrialRecord]) -> str | None:
    """A table of seconds: a row for each trial that was measured, and one for all; None where none was.

    The first column names the trial, the second the time of the worker, which the others add up to.
    """
    rows = {str(trial.number): trial.spent for trial in trials if trial.spent}
    if not rows:
        return None
    rows["all"] = added_up(rows.values())
    lines = [f"{name},{_seconds(sum(spent.values()))},{_columns(spent)}" for name, spent in rows.items()]
    return "\n".join([f"trial,seconds,{','.join(PHASES)}", *lines, ""])


def spent_words(trials: Iterable[TrialRecord]) -> str | None:
    """What shares of the workers' time went for, the largest first; None where nothing was measured."""
    spent = added_up(trial.spent for trial in trials)
    whole = sum(spent.values())
    if not whole:
        return None
    largest = sorted(spent.items(), key=lambda item: -item[1])
    return "workers' time: " + ", ".join(f"{phase} {100 * took / whole:.1f} %" for phase, took in largest)


def _columns(spent: Mapping[str, float]) -> str:
    return ",".join(_seconds(spent.get(phase, 0.0)) for phase in PHASES)


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}"

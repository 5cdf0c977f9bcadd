"""How far a search has come, in the words of every display."""

from __future__ import annotations

import time
from collections.abc import Callable

from lcsearch.core.records import TrialRecord
from lcsearch.core.text import format_count, format_seconds
from lcsearch.runs.settings import RunSettings
from lcsearch.search.estimate import seconds_left
from lcsearch.search.history import History

SECONDS_BETWEEN = 15.0
"""How long lines say nothing while something is made."""


class NowAndThen:
    """Lines that follow what is made: what it is at once, and how far it has come after a while of silence.

    Args:
        write: Takes a line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._said = time.monotonic()

    def line(self, words: str) -> None:
        """Write a line."""
        self._said = time.monotonic()
        self._write(words)

    def step(self, words: str) -> None:
        """Write what is made now; of words with numbers, which are steps of it, some."""
        numbered = any(letter.isdigit() for letter in words)
        if not numbered or time.monotonic() - self._said >= SECONDS_BETWEEN:
            self.line(words)


def trained(history: History) -> int:
    """Trials that were trained and have their end."""
    return sum(1 for t in history if t.state in ("complete", "pruned", "failed") and t.duplicate_of is None)


def running_rows(history: History) -> list[tuple[str, str, str, str]]:
    """Of each running trial: which it is, its size, its epoch, and its accuracy with its label."""
    return [_running_row(record) for record in history.running() if record.duplicate_of is None]


def front_line(history: History) -> str:
    """The front in one line, by rising parameters; the middle is left out where it is long."""
    members = history.front()
    shown = members if len(members) <= 4 else [members[0], *members[-3:]]
    points = [f"{format_count(t.params)} {t.accuracy:.1f} %" for t in shown]
    if len(members) > 4:
        points.insert(1, "…")
    return "front: " + " · ".join(points) if points else "front: nothing yet"


def times(begun: float, history: History, settings: RunSettings) -> str:
    """How long a search has taken, and may take yet.

    Args:
        begun: When it began, by `time.monotonic`.
        history: Every trial.
        settings: The run's settings.
    """
    spent = format_seconds(time.monotonic() - begun)
    left = seconds_left(history, settings)
    return spent if left is None else f"{spent}, about {format_seconds(left)} left"


def _running_row(record: TrialRecord) -> tuple[str, str, str, str]:
    total = record.spec.recipe.epochs
    current = min(len(record.epochs) + 1, total)
    accuracy = f"{record.epochs[-1].accuracy:.2f} %" if record.epochs else ""
    return (
        f"trial {record.number}",
        f"{format_count(record.params)} params",
        f"epoch {current}/{total}",
        f"{accuracy} {record.label}",
    )

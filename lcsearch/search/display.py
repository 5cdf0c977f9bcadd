"""What `lcsearch.search` shows while it goes on: lines, or in a notebook one output that stays in place."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from html import escape

from lcsearch.core.notebook import Output, in_notebook
from lcsearch.core.records import TrialRecord
from lcsearch.core.text import format_count, format_seconds
from lcsearch.core.words import result_words
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.observer import Observer
from lcsearch.search.progress import NowAndThen, front_line, running_rows, times, trained
from lcsearch.search.session import SearchSession

_REFRESH_SECONDS = 0.5
_LINES = 8
"""Lines that stay in a notebook."""


class Lines(Observer):
    """One line for each trial.

    Args:
        settings: The run's settings.
        write: Takes a line.
    """

    def __init__(self, settings: RunSettings, write: Callable[[str], None]) -> None:
        self._settings = settings
        self._lines = NowAndThen(write)

    def untrained(self, record: TrialRecord) -> None:
        """Say what needs no training."""
        self.say(f"trial {record.number}: {record.state}, {record.reason}")

    def lost(self, record: TrialRecord, reason: str) -> None:
        """Say that a trial is tried again."""
        self.say(f"trial {record.number}: {reason}; trying once more")

    def ended(self, record: TrialRecord, history: History) -> None:
        """Say what became of a trial."""
        about = f" ({record.label})" if record.label else ""
        words = f"{result_words(record)}, {format_count(record.params)} params{about}"
        self.say(f"[{trained(history)}/{self._settings.trials}] trial {record.number}: {words}")
        if record.origin == "baseline" and record.accuracy is not None and 0 < record.accuracy <= 1:
            self.say(f"the backbone's accuracy is {record.accuracy:g}: percent is expected, 0 to 100")

    def say(self, line: str) -> None:
        """Show a line."""
        self._lines.line(line)

    def remark(self, words: str) -> None:
        """Say it."""
        self.say(words)

    def preparing(self, words: str, history: History) -> None:
        """Say what is made before the next trials, and now and then how far it has come."""
        self._lines.step(words)

    def close(self, lines: Sequence[str] = ()) -> None:
        """Show the last lines."""
        for line in lines:
            self.say(line)


class NotebookDisplay(Lines):
    """One output of a cell: how far the search is, what runs, the front, and the latest lines.

    Args:
        settings: The run's settings.
        where: Says where trials run, in a few words.
        history: Every trial, as they come.
    """

    def __init__(self, settings: RunSettings, where: Callable[[], str], history: History) -> None:
        super().__init__(settings, self._keep)
        self._where = where
        self._history = history
        self._begun = time.monotonic()
        self._drawn = -_REFRESH_SECONDS
        self._kept = deque[str](maxlen=_LINES)
        self._output = Output()

    def tick(self, history: History) -> None:
        """Draw, at most twice a second."""
        self._show(history, map("  ".join, running_rows(history)))

    def preparing(self, words: str, history: History) -> None:
        """Show what is made, in place of running trials."""
        self._show(history, [words])

    def ended(self, record: TrialRecord, history: History) -> None:
        """Say what became of a trial, and draw."""
        super().ended(record, history)
        self.tick(history)

    def close(self, lines: Sequence[str] = ()) -> None:
        """Draw for the last time, with nothing that runs."""
        self._kept.extend(lines)
        self._draw(format_seconds(time.monotonic() - self._begun), [front_line(self._history)])

    def _keep(self, line: str) -> None:
        self._kept.append(line)

    def _show(self, history: History, rows: Iterable[str]) -> None:
        if time.monotonic() - self._drawn >= _REFRESH_SECONDS:
            took = times(self._begun, history, self._settings)
            self._draw(took, [self._where(), front_line(history), *rows])

    def _draw(self, took: str, words: Sequence[str]) -> None:
        self._drawn = time.monotonic()
        done, total = trained(self._history), self._settings.trials
        head, text = f"{done}/{total} trials · {took}", "\n".join([*words, *self._kept])
        bar = f'<progress value="{done}" max="{max(total, 1)}"></progress>'
        self._output.show(f"<div>{bar} {escape(head)}<pre>{escape(text)}</pre></div>", f"{head}\n{text}")


def display_of(session: SearchSession, *, quiet: bool) -> Lines:
    """What shows a search here.

    Args:
        session: The search; it is open.
        quiet: Whether nothing is to be shown.
    """
    if quiet:
        return Lines(session.settings, lambda line: None)
    if in_notebook():
        return NotebookDisplay(session.settings, session.engine.describe, session.director.history)
    return Lines(session.settings, _to_stderr)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

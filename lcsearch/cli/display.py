"""What a run shows while it goes on: one live display on a terminal, plain lines in a file."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lcsearch.core.records import TrialRecord
from lcsearch.core.text import format_count, format_seconds
from lcsearch.core.words import result_words
from lcsearch.runs.settings import RunSettings
from lcsearch.search.estimate import seconds_left
from lcsearch.search.history import History
from lcsearch.search.observer import Observer
from lcsearch.search.progress import NowAndThen, front_line, running_rows, times, trained

_REFRESH_SECONDS = 0.5


class PlainDisplay(Observer):
    """One line a trial: for files and pipes.

    Args:
        console: Where lines go.
        settings: The run's settings.
        where: Says where trials run, in a few words; asked again and again, because nodes come and go.
    """

    def __init__(self, console: Console, settings: RunSettings, where: Callable[[], str]) -> None:
        self._console = console
        self._settings = settings
        self._where = where
        self._said = ""
        self._lines = NowAndThen(self._print)
        self._estimated = False

    def __enter__(self) -> PlainDisplay:
        self._said = self._where()
        self._say(f"searching with {self._said}")
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def untrained(self, record: TrialRecord) -> None:
        """Say what needs no training."""
        self._say(f"trial {record.number}: {record.state}, {record.reason}")

    def lost(self, record: TrialRecord, reason: str) -> None:
        """Say that a trial is tried again."""
        self._say(f"trial {record.number}: {reason}; trying again from its last checkpoint")

    def preparing(self, words: str, history: History) -> None:
        """Say what is made before the next trials, and now and then how far it has come."""
        self._lines.step(words)

    def ended(self, record: TrialRecord, history: History) -> None:
        """Say what became of a trial, and after the baseline how long the rest takes."""
        done = trained(history)
        self._say(f"[{done}/{self._settings.trials}] {ended_words(record)}")
        if not self._estimated and record.origin == "baseline" and record.state == "complete":
            self._estimated = True
            left = seconds_left(history, self._settings)
            if left is not None:
                bound = "were every model as slow as the backbone"
                self._say(f"at most about {format_seconds(left)} to go, {bound}")

    def tick(self, history: History) -> None:
        """Say so when trials run elsewhere than before."""
        where = self._where()
        if where != self._said:
            self._said = where
            self._say(f"now with {where}")

    def _say(self, line: str) -> None:
        self._lines.line(line)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveDisplay(PlainDisplay):
    """One display that stays in place; what ends scrolls away above it.

    Args:
        console: A terminal.
        settings: The run's settings.
        where: Says where trials run, in a few words.
    """

    def __init__(self, console: Console, settings: RunSettings, where: Callable[[], str]) -> None:
        super().__init__(console, settings, where)
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._busy = ""
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveDisplay:
        super().__enter__()
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def preparing(self, words: str, history: History) -> None:
        """Show what is made, in place of running trials."""
        self._busy = words
        self.tick(history)
        self._busy = ""

    def tick(self, history: History) -> None:
        """Draw, at most twice a second."""
        now = time.monotonic()
        if now - self._drawn >= _REFRESH_SECONDS:
            self._drawn = now
            self._live.update(self._draw(history), refresh=True)

    def _draw(self, history: History) -> RenderableType:
        running = Table.grid(padding=(0, 2))
        for row in running_rows(history):
            running.add_row(*map(Text, row))
        done = trained(history)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            Text(f"{done}/{self._settings.trials} trials"),
            ProgressBar(total=max(self._settings.trials, 1), completed=done, width=24),
            Text(times(self._begun, history, self._settings)),
        )
        busy = [Text(self._busy)] if self._busy else []
        return Group(running, *busy, Text(front_line(history)), Text(self._where()), bar)


def ended_words(record: TrialRecord) -> str:
    """What became of a trial, in one line of at most about 100 characters."""
    seconds = sum(epoch.seconds for epoch in record.epochs if epoch.seconds == epoch.seconds)
    before = record.accuracy_before
    whence = "" if record.parent is None else f"{'on ' * record.continues}from trial {record.parent}, "
    cut = "" if before is None else f" ({whence}before {before:.2f} %)"
    words = f"trial {record.number}: {result_words(record)}{cut}, {format_count(record.params)} params"
    took = f", {format_seconds(seconds)}" if seconds else ""
    label = f" ({record.label})" if record.label else ""
    return words + took + label

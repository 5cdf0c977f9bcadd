"""A report that follows a run while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lcsearch import report
from lcsearch.core.records import RunRecord

RELOAD_SECONDS = 5
_QUIET_LOOKS = 3


def goes_on(run: RunRecord) -> bool:
    """Whether a trial is recorded as running."""
    return any(t.state == "running" for t in run.trials)


def follow(
    read: Callable[[], RunRecord],
    path: Path,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write a run's report again whenever the run has changed, until it is over.

    A run is over when several looks in a row find no trial running. While it goes on the page loads
    itself again; the last one written does not. The same happens on Ctrl-C.

    Args:
        read: Reads the run.
        path: The file to write.
        say: Takes a line that says what was done.
        sleep: Waits for so many seconds.

    Raises:
        InputError: The path is not writable, or the run vanished.
    """
    quiet, seen, run = 0, None, None
    try:
        while quiet < _QUIET_LOOKS:
            run = read()
            quiet = 0 if goes_on(run) else quiet + 1
            if run.trials != seen:
                seen = run.trials
                _write(run, path, say)
            if quiet < _QUIET_LOOKS:
                sleep(RELOAD_SECONDS)
    except KeyboardInterrupt:
        say("stopped following the run")
    if run is not None:
        report.write(run, path)


def _write(run: RunRecord, path: Path, say: Callable[[str], None]) -> None:
    epochs = sum(len(t.epochs) for t in run.trials)
    if not epochs:
        say("waiting for the first epoch")
        return
    report.write(run, path, live=RELOAD_SECONDS)
    say(f"{path}: {len(run.trials)} trials, {epochs} epochs")

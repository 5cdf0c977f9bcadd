"""Runs in processes of their own, as a user starts and kills them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path


def command(*arguments: str) -> list[str]:
    """The command line of lcsearch."""
    return [sys.executable, "-c", "from lcsearch.cli.main import main; main()", *arguments]


def run_and_signal(
    *arguments: str,
    epochs: int,
    seconds: float = 600,
    how: signal.Signals = signal.SIGKILL,
    **process: object,
) -> subprocess.CompletedProcess[str]:
    """Run lcsearch; a signal comes as it records its so-manieth epoch, or so many seconds after its first.

    Returns once no process that it has started is left: workers hold the end of the pipe that is read here.

    Args:
        arguments: The command line.
        epochs: Epochs of this process.
        seconds: Let the signal come earlier.
        how: The signal.
        process: Where and how to start it, as for `subprocess.run`.
    """
    program = str(Path(__file__).with_name("dying_run.py"))
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, program, str(epochs), str(seconds), how.name, *arguments],
        capture_output=True, text=True, timeout=240, check=False, **process,
    )  # fmt: skip

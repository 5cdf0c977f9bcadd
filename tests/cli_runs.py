"""Runs in processes of their own, as a user starts and kills them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lcsearch.reading import read_run


def command(*arguments: str) -> list[str]:
    """The command line of lcsearch."""
    return [sys.executable, "-c", "from lcsearch.cli.main import main; main()", *arguments]


def wait_for_epochs(path: Path, process: subprocess.Popen[Any], more: int) -> None:
    """Wait until a run has recorded so many more epochs, or has ended.

    Raises:
        AssertionError: It takes minutes; the process is killed then.
    """

    def recorded() -> int:
        try:
            return sum(len(t.epochs) for t in read_run(path).trials)
        except Exception:
            return 0

    target, end = recorded() + more, time.monotonic() + 240
    while process.poll() is None and recorded() < target:
        if time.monotonic() > end:
            process.kill()
            raise AssertionError(f"{recorded()} of {target} epochs after 240 seconds")
        time.sleep(0.2)

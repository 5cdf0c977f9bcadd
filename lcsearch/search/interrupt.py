"""Ctrl-C: the first one lets running epochs finish, the second stops at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from rich.console import Console

INTERRUPTED = 130
"""The exit code."""


class Interruptible(Protocol):
    """Work that can be left and taken up again."""

    @property
    def interrupted(self) -> bool:
        """Whether it was told to leave before its end."""

    def interrupt(self) -> None:
        """Let running epochs finish, and hand out nothing more."""


@contextmanager
def ctrl_c(work: Interruptible, console: Console) -> Iterator[None]:
    """Inside, Ctrl-C and a polite kill interrupt the work; a second one raises KeyboardInterrupt."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if work.interrupted:
            raise KeyboardInterrupt
        work.interrupt()
        console.print("finishing the running epochs; Ctrl-C again stops at once", markup=False)

    old = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)

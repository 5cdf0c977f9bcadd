"""Ctrl-C: the first one lets running epochs finish, the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class Interruptible(Protocol):
    """Work that can be left and taken up again."""

    @property
    def interrupted(self) -> bool:
        """Whether it was told to leave before its end."""

    def interrupt(self) -> None:
        """Let every trial finish its epoch, keep its checkpoint, and hand out nothing more."""


@contextmanager
def ctrl_c(work: Interruptible, say: Callable[[str], None]) -> Iterator[None]:
    """Inside, Ctrl-C and a polite kill interrupt the work; a second one raises KeyboardInterrupt.

    Only Python's main thread hears signals: in any other nothing changes.

    Args:
        work: What is interrupted.
        say: Called with a line for the user.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if work.interrupted:
            raise KeyboardInterrupt
        work.interrupt()
        say("finishing the running epochs; Ctrl-C again stops at once")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)

"""How fast the trial of this process goes: told now and then to whoever runs it, if that one listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

_USUAL, _LEAST = 1.0, 0.2
"""Seconds after which a stretch is told, and that one takes at least which an epoch's end cuts short."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Pace:
    """Steps of a trial, one right after the other.

    Attributes:
        begun: When the first began, on the clock of `time.monotonic`, which all processes of a machine share.
        ended: When the last ended.
        steps: How many.
    """

    begun: float
    ended: float
    steps: int

    @property
    def rate(self) -> float:
        """Steps per second."""
        return self.steps / (self.ended - self.begun)


_listener: Callable[[Pace], None] | None = None


@contextmanager
def told_to(listener: Callable[[Pace], None] | None) -> Iterator[None]:
    """Within it, how fast this process's trial goes is told to a listener, in the thread of the trial."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


def paced(items: Iterable[_Item], clock: Callable[[], float] = time.monotonic) -> Iterable[_Item]:
    """The same items, each of which is worked on for a step.

    Args:
        items: One for each step of an epoch.
        clock: Tells the seconds.
    """
    return items if _listener is None else _told(items, _listener, clock)


def _told(
    items: Iterable[_Item], listener: Callable[[Pace], None], clock: Callable[[], float]
) -> Iterator[_Item]:
    begun, steps = clock(), 0
    for item in items:
        yield item
        steps, now = steps + 1, clock()
        if now - begun >= _USUAL:
            listener(Pace(begun, now, steps))
            begun, steps = now, 0
    if steps and (now := clock()) - begun >= _LEAST:
        listener(Pace(begun, now, steps))

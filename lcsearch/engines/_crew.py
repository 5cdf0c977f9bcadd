"""How many workers an engine has: a number that was asked for, or one that is found out while they work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lcsearch.core.pace import Pace
from lcsearch.engines._crowd import Stretch, Told, next_number, room_for, stretches, throughputs

if TYPE_CHECKING:
    from lcsearch.core.device import DeviceMemory

_LATE = 2.0
"""Times the longest stretch so far, and seconds at least, until all is told of a time."""
_ENOUGH = 3
"""Stretches of each trial, in the mean, that must be known of a number of trials."""
_PLENTY = 12
"""Likewise, after which it is the turn of fewer, then of more again, until a trial has run beside both."""


class Crew(Protocol):
    """How many workers there are to be."""

    @property
    def number(self) -> int:
        """How many trials may run now."""

    @property
    def found(self) -> bool:
        """Whether that stays so."""

    def hear(self, trial: int, pace: Pace) -> None:
        """A trial went so fast."""

    def look(self, workers: int) -> None:
        """Called now and then, with how many workers there are."""

    def crowded(self, at_once: int) -> None:
        """One trial of so many found no memory on the device."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """As many as were asked for."""

    number: int
    found: bool = True

    def hear(self, trial: int, pace: Pace) -> None:
        """Nothing follows."""

    def look(self, workers: int) -> None:
        """Nothing follows."""

    def crowded(self, at_once: int) -> None:
        """Nothing follows: the number is the user's."""


class FoundOut:
    """One at first; twice as many as long as that pays, and memory is there: see `lcsearch.engines._crowd`.

    Args:
        most: How many there may be.
        memory: What the device has of memory; None where that cannot be told.
        clock: Tells the seconds, as `lcsearch.core.pace` does.
    """

    def __init__(
        self,
        most: int,
        memory: Callable[[], DeviceMemory | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.number, self.found = 1, most == 1
        self._asked, self._fresh = 1, 0
        self._most, self._memory, self._clock = most, memory, clock
        self._begin = memory()
        self._each = 0
        self._waiting: list[Told] = []
        self._recent: deque[Told] = deque()
        self._measured: list[Stretch] = []
        self._longest = 1.0

    def hear(self, trial: int, pace: Pace) -> None:
        """Keep how fast a trial went, until it is known how many were trained meanwhile."""
        if not self.found:
            self._waiting.append((trial, pace))
            self._recent.append((trial, pace))
            self._longest = max(self._longest, pace.ended - pace.begun)

    def look(self, workers: int) -> None:
        """Decide, once enough is known, whether as many as now pay, or as many as were tried last."""
        if self.found:
            return
        most = min(self._most, self._room(workers))
        self._take_in()
        known = sum(one.at_once == self._asked for one in self._measured)
        compared = throughputs(self._measured, self._asked) if known >= _ENOUGH * self._asked else {}
        number = next_number(self._asked, compared, most)
        if number is not None:
            self.found = number <= self._asked
            self.number = self._asked = number
            self._fresh = 0
        elif self._fresh >= _PLENTY * self.number:
            self.number = self._asked if self.number < self._asked else max(1, self._asked // 2)
            self._fresh = 0

    def crowded(self, at_once: int) -> None:
        """From now on one trial fewer than were too many."""
        self.number, self.found = max(1, min(self.number, at_once - 1)), True

    def _take_in(self) -> None:
        """Work out how many were trained at times of which all is told by now."""
        late = self._clock() - max(1.0, self._longest) * _LATE
        ready = [told for told in self._waiting if told[1].ended <= late]
        if ready:
            self._waiting = [told for told in self._waiting if told[1].ended > late]
            new = stretches(ready, self._recent)
            self._measured += new
            self._fresh += sum(one.at_once == self.number for one in new)
        earliest = min((pace.begun for _, pace in self._waiting), default=late)
        while self._recent and self._recent[0][1].ended < earliest - _LATE * self._longest:
            self._recent.popleft()

    def _room(self, workers: int) -> int:
        """How many workers the memory holds, by what each took at most so far."""
        memory = self._memory()
        if memory is None or self._begin is None:
            return self._most
        if workers:
            self._each = max(self._each, (self._begin.free - memory.free) // workers)
        return room_for(workers, memory.free, memory.total, self._each)

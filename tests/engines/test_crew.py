"""How many workers there are while they work: on a device worked out step by step, and on its memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lcsearch.core.device import DeviceMemory
from lcsearch.core.pace import Pace
from lcsearch.engines._crew import Fixed, FoundOut


class Machine:
    """A device whose throughput grows with the number of trials to a limit; second by second.

    Args:
        most: Workers that there may be.
        limit: Trials that fill it.
        total: Its memory; None where it cannot be told.
        each: Memory of a worker.
        lasts: Seconds of a trial alone.
    """

    def __init__(
        self, most: int, limit: float, total: int | None = None, each: int = 10, lasts: float = 40.0
    ) -> None:
        self.now, self.total, self.each, self.limit, self.lasts = 0.0, total, each, limit, lasts
        self.workers = 0
        self.live: dict[int, float] = {}
        self.begun = 0
        self.starts_alone = False
        self.seen: list[int] = []
        self.crew = FoundOut(most, self.memory, lambda: self.now)

    def memory(self) -> DeviceMemory | None:
        if self.total is None:
            return None
        return DeviceMemory(max(0, self.total - self.each * self.workers), self.total)

    def second(self) -> None:
        """Trials are begun as there is room for, and each says how fast it went."""
        alone = self.starts_alone and (self.begun == 0 or 0 in self.live)
        while len(self.live) < (1 if alone else self.crew.number):
            self.live[self.begun] = self.lasts
            self.begun += 1
        self.workers = len(self.live)
        share = min(1.0, self.limit / len(self.live))
        for trial in list(self.live):
            steps = round(1000 * (1 + trial % 7) * share)
            self.crew.hear(trial, Pace(self.now, self.now + 1, steps))
            self.live[trial] -= share
            if self.live[trial] <= 0:
                del self.live[trial]
        self.now += 1
        self.crew.look(self.workers)
        self.seen.append(self.crew.number)

    def settled(self) -> int:
        """The number that it ends with."""
        while not self.crew.found:
            self.second()
            assert self.now < 1000, f"not settled: {self.crew.number}"
        return self.crew.number


@pytest.mark.parametrize(
    ("most", "limit", "expected"),
    [(16, 1, 1), (16, 1.04, 1), (16, 2, 4), (16, 4, 4), (16, 6, 8), (16, 99, 16), (6, 99, 6), (1, 99, 1)],
)
def test_it_ends_with_the_number_that_fills_the_device(most: int, limit: float, expected: int) -> None:
    machine = Machine(most, limit)
    assert machine.settled() == expected
    ups = [number for number in machine.seen if number <= expected]
    assert ups == sorted(ups) and max(machine.seen, default=1) <= min(most, max(4, 2 * expected))


@pytest.mark.parametrize(("limit", "expected"), [(6, 8), (99, 16)])
def test_it_goes_on_though_no_trial_links_one_with_four(limit: float, expected: int) -> None:
    """As where models are cut out of the first trial's: they begin when that one has ended."""
    machine = Machine(16, limit)
    machine.starts_alone = True
    assert machine.settled() == expected
    assert machine.now < machine.lasts + 30


def test_trials_that_come_and_go_meanwhile_do_not_disturb_it() -> None:
    assert Machine(16, 4, lasts=5.0).settled() == 4


@pytest.mark.parametrize(("total", "expected"), [(1000, 16), (100, 9), (47, 4), (15, 1)])
def test_memory_holds_no_more_than_nine_tenths_of_itself(total: int, expected: int) -> None:
    """Workers take 10 each."""
    machine = Machine(16, 99, total)
    assert machine.settled() == expected
    assert all(machine.each * number <= 0.9 * total or number == 1 for number in machine.seen)


def test_room_is_kept_for_a_trial_as_large_as_the_largest_so_far() -> None:
    """The first takes 30 of 100, all others 10: seven of these leave room for one of 30 no more."""
    machine = Machine(16, 99, 100, each=30)
    while machine.crew.number == 1:
        machine.second()
    machine.each = 10
    assert machine.settled() == 7


def test_a_trial_that_finds_no_memory_settles_it_at_fewer() -> None:
    machine = Machine(16, 99)
    while machine.crew.number < 8:
        machine.second()
    machine.crew.crowded(8)
    assert machine.settled() == 7
    machine.crew.crowded(3)  # not all of them had begun
    assert machine.crew.number == 2
    machine.crew.crowded(1)
    assert machine.crew.number == 1


@pytest.mark.parametrize("do", [lambda crew: crew.crowded(3), lambda crew: crew.look(3)])
def test_a_number_that_was_asked_for_stays(do: Callable[[Fixed], None]) -> None:
    crew = Fixed(3)
    for _ in range(99):
        crew.hear(0, Pace(0.0, 1.0, 1))
    do(crew)
    assert crew.number == 3 and crew.found

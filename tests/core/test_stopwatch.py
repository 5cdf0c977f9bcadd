"""Where time goes, on a clock that the tests turn."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from lcsearch.core import stopwatch
from lcsearch.core.stopwatch import Stopwatch, added_up, device_done, during, each_during, measured


class Clock:
    """Nanoseconds that pass when somebody says so; those of a device's work when that is waited for."""

    def __init__(self) -> None:
        self.now = 7
        self.queued = 0

    def __call__(self) -> int:
        return self.now

    def settle(self) -> None:
        self.now, self.queued = self.now + self.queued, 0

    def watch(self, begun: int | None = None) -> Stopwatch:
        return Stopwatch(begun, "waiting", clock=self, settle=self.settle)


def work(clock: Clock, seconds: int, queued: int = 0) -> None:
    clock.now += seconds * 10**9
    clock.queued += queued * 10**9


def test_the_phases_add_up_to_the_time_of_the_worker() -> None:
    clock = Clock()
    watch = clock.watch(begun=7 - 3 * 10**9)  # it waited for 3 s
    with measured(watch):
        work(clock, 10)
        with during("forward"):
            work(clock, 20)
            with during("data"):
                work(clock, 5)
            work(clock, 1)
        with pytest.raises(KeyError), during("backward"):
            work(clock, 40)
            raise KeyError
        work(clock, 100)
    spent = {"waiting": 3, "other": 110, "forward": 21, "data": 5, "backward": 40}
    assert watch.seconds() == spent
    assert sum(spent.values()) == 3 + (clock.now - 7) // 10**9


def test_what_a_device_still_computes_belongs_to_who_gave_it_to_do() -> None:
    clock = Clock()
    with measured(clock.watch()) as watch:
        with during("forward"):
            work(clock, 1, queued=50)
        with during("optimizer"):
            work(clock, 2)
    assert watch.seconds() == {"forward": 51, "optimizer": 2}


def test_making_an_item_is_what_is_measured_not_what_is_done_with_it() -> None:
    clock = Clock()

    def items():
        for seconds in (2, 3):
            work(clock, seconds)
            yield seconds
        work(clock, 4)

    with measured(clock.watch()) as watch:
        for seconds in each_during("data", items()):
            work(clock, 10 * seconds)
    assert watch.seconds() == {"data": 9, "other": 50}


def test_nothing_happens_where_nothing_is_measured() -> None:
    items = [1, 2]
    assert each_during("data", items) is items
    with during("no phase at all"):  # type: ignore[arg-type]
        pass


def test_a_phase_that_there_is_not_is_refused_by_name() -> None:
    with (
        measured(Clock().watch()),
        pytest.raises(ValueError, match="no phase 'forwards'; there are data, forward"),
        during("forwards"),  # type: ignore[arg-type]
    ):
        pass


def test_a_worker_is_measured_from_its_start_and_between_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(stopwatch, "_idle", None)
    stopwatch.worker_began(7)
    trials = []
    for wait, took in ((2, 30), (4, 50)):
        work(clock, wait)
        begun, phase = stopwatch._idle
        with measured(Stopwatch(begun, phase, clock=clock, settle=clock.settle)) as watch:
            work(clock, took)
        trials.append(watch.seconds())
    assert trials == [{"starting": 2, "other": 30}, {"waiting": 4, "other": 50}]
    assert sum(added_up(trials).values()) == (clock.now - 7) / 10**9


def test_stretches_add_up_in_the_order_of_the_phases() -> None:
    summed = added_up([{"other": 1.0, "forward": 0.5}, {"forward": 0.25, "data": 2.0}, {}])
    assert list(summed.items()) == [("data", 2.0), ("forward", 0.75), ("other", 1.0)]


@pytest.mark.parametrize(("cuda", "mps", "expected"), [(1, 0, ["cuda"]), (0, 1, ["mps"]), (0, 0, [])])
def test_the_device_is_waited_for(
    cuda: bool, mps: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[str] = []
    torch = SimpleNamespace(
        cuda=SimpleNamespace(is_initialized=lambda: cuda, synchronize=lambda: waited.append("cuda")),
        mps=SimpleNamespace(synchronize=lambda: waited.append("mps")),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    device_done()
    assert waited == expected


def test_what_a_stopwatch_begins_with_is_nothing_in_particular() -> None:
    clock = Clock()
    watch = Stopwatch(clock=clock, settle=clock.settle)
    work(clock, 2)
    assert watch.seconds() == {"other": 2}

"""How fast a trial goes, on a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lcsearch.core.pace import Pace, paced, told_to


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def told(*seconds: float, making: float = 0.0) -> list[Pace]:
    """What is told of an epoch whose steps take so long, and whose items take some time to make each."""
    clock, heard = Clock(), list[Pace]()

    def items() -> Iterator[float]:
        for step in seconds:
            clock.now += making
            yield step
        clock.now += 50  # after the last item nobody works

    with told_to(heard.append):
        for step in paced(items(), clock):
            clock.now += step
    return heard


def test_a_stretch_ends_with_the_step_that_fills_a_second_and_the_next_begins_there() -> None:
    assert told(0.5, 0.25, 0.5, 1.0, 3.0) == [
        Pace(100.0, 101.25, 3),
        Pace(101.25, 102.25, 1),
        Pace(102.25, 105.25, 1),
    ]


def test_making_items_is_part_of_the_steps() -> None:
    assert told(0.5, 0.5, making=0.25) == [Pace(100.0, 101.5, 2)]


def test_the_rest_of_an_epoch_is_told_if_it_is_long_enough_to_say_something() -> None:
    assert [pace.steps for pace in told(1.0, 0.125)] == [1, 1]
    assert told(0.0, 0.125)[0].steps == 2


def test_steps_per_second() -> None:
    assert Pace(3.0, 5.0, 8).rate == 4.0


def test_nobody_listens_and_nothing_is_done() -> None:
    items: Sequence[int] = [1, 2]
    assert paced(items) is items
    heard = list[Pace]()
    with told_to(heard.append), told_to(None):
        assert paced(items) is items
    assert paced(items) is items and not heard

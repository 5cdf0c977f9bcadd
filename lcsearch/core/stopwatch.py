"""Where a worker's time goes: stretches of it have names, and what has no other is ``other``.

While a trial is measured each moment belongs to one phase, so that the phases add up to the time of the
worker. Where nothing is measured `during` and `each_during` do nothing.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, TypeVar, get_args

Phase = Literal[
    "data", "forward", "backward", "optimizer", "step", "evaluation", "fitting", "checkpoint", "waiting",
    "starting", "building", "other",
]  # fmt: skip
PHASES: tuple[Phase, ...] = get_args(Phase)
"""Reading and augmenting images; the three parts of a step; all of them where a GPU is told of them in one;
evaluation; cutting a model out of another and fitting it; writing checkpoints and weights; waiting for the
search's answer or the next trial; what a worker process needs before its first trial; making the model and
its optimizer; everything else."""

_Item = TypeVar("_Item")
_SECOND = 1_000_000_000


def device_done() -> None:
    """Wait for what a GPU has been given to do: until then a clock does not say what that took."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


class Stopwatch:
    """Divides time among phases.

    Args:
        begun: When it began, on the clock; None for now.
        phase: What it began with.
        clock: Nanoseconds since whenever.
        settle: Called before the clock is read.
    """

    def __init__(
        self,
        begun: int | None = None,
        phase: Phase = "other",
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        settle: Callable[[], None] = device_done,
    ) -> None:
        self._clock = clock
        self._settle = settle
        self._phase = phase
        self._spent: dict[Phase, int] = dict.fromkeys(PHASES, 0)
        self.read_at = clock() if begun is None else begun

    def turn_to(self, phase: Phase) -> Phase:
        """From now on time goes to another phase; returns the one before.

        Raises:
            ValueError: There is no such phase.
        """
        if phase not in self._spent:
            raise ValueError(f"there is no phase {phase!r}; there are {', '.join(PHASES)}")
        self._settle()
        now = self._clock()
        self._spent[self._phase] += now - self.read_at
        before, self._phase, self.read_at = self._phase, phase, now
        return before

    def seconds(self) -> dict[str, float]:
        """What each phase that had any took until now; the sum is the time since it began."""
        self.turn_to(self._phase)
        return {phase: spent / _SECOND for phase, spent in self._spent.items() if spent}


def added_up(spent: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Seconds by phase of several stretches together, in the order of `PHASES`."""
    stretches = list(spent)
    sums = {phase: math.fsum(one.get(phase, 0.0) for one in stretches) for phase in PHASES}
    return {phase: seconds for phase, seconds in sums.items() if seconds}


_running: ContextVar[Stopwatch | None] = ContextVar("lcsearch_stopwatch", default=None)
_idle: tuple[int, Phase] | None = None
"""In a worker that runs no trial: since when, and what it does meanwhile. None in other processes."""


def during(phase: Phase) -> AbstractContextManager[object]:
    """What is done inside belongs to a phase; nothing happens unless a trial is measured.

    A loop of your own says so with it where its time goes::

        with lcsearch.during("forward"):
            scores = model(images)

    Args:
        phase: One of `PHASES`; inside of another phase its time is not the other's.
    """
    watch = _running.get()
    return nullcontext() if watch is None else _turned(watch, phase)


def each_during(phase: Phase, items: Iterable[_Item]) -> Iterable[_Item]:
    """The same items; the time that making each takes belongs to a phase."""
    watch = _running.get()
    return items if watch is None else _each_turned(watch, phase, items)


def worker_began(at: int) -> None:
    """This process runs trials and nothing else, since that moment of `time.monotonic_ns`."""
    global _idle
    _idle = at, "starting"


@contextmanager
def measured(watch: Stopwatch | None = None) -> Iterator[Stopwatch]:
    """Measure a trial; in a worker from the end of the trial before.

    Args:
        watch: Measures it; None for one of its own.
    """
    global _idle
    watch = watch or (Stopwatch() if _idle is None else Stopwatch(*_idle))
    watch.turn_to("other")
    token = _running.set(watch)
    try:
        yield watch
    finally:
        _running.reset(token)
        watch.turn_to("other")
        _idle = None if _idle is None else (watch.read_at, "waiting")


@contextmanager
def unmeasured() -> Iterator[None]:
    """Inside, `during` does nothing, and the GPU is not waited for: the time stays with the phase outside."""
    token = _running.set(None)
    try:
        yield
    finally:
        _running.reset(token)


@contextmanager
def _turned(watch: Stopwatch, phase: Phase) -> Iterator[None]:
    before = watch.turn_to(phase)
    try:
        yield
    finally:
        watch.turn_to(before)


def _each_turned(watch: Stopwatch, phase: Phase, items: Iterable[_Item]) -> Iterator[_Item]:
    rest = iter(items)
    while True:
        with _turned(watch, phase):
            item = next(rest, _END)
        if item is _END:
            return
        yield item  # type: ignore[misc]


_END = object()

"""Which steps are captured: with a stand-in for the GPU, which no test needs for that."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from lcsearch.train import captured
from lcsearch.train.captured import Batch, CapturedSteps, Learn

STEPS = 100
BATCH: Batch = (torch.zeros(2, 1), torch.zeros(2), None)


class StandIn:
    """A graph that does what was captured, and notes it."""

    captured: ClassVar[list[int]] = []
    replayed: ClassVar[list[int]] = []
    problem: ClassVar[Exception | None] = None

    def __init__(self, step: int) -> None:
        self._step = step

    @classmethod
    def of(cls, learn: Learn, optimizer: object, step: int, batch: Batch) -> StandIn:
        cls.captured.append(step)
        if cls.problem is not None:
            raise cls.problem
        return cls(step)

    def fits(self, batch: Batch) -> bool:
        return batch[0].shape == BATCH[0].shape

    def replay(self, batch: Batch) -> Tensor:
        self.replayed.append(self._step)
        return torch.tensor(float(self._step))


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "_Graph", StandIn)
    for name, value in {"captured": [], "replayed": [], "problem": None}.items():
        monkeypatch.setattr(StandIn, name, value)
    for name in ("synchronize", "set_sync_debug_mode"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)


def run(
    also: Callable[[int], object] = lambda step: None, every: int = 1000, steps: int = STEPS
) -> tuple[CapturedSteps, list[int]]:
    """Do all steps; return what did them, and the steps that were done as usual."""
    usual: list[int] = []

    def learn(step: int, batch: Batch) -> Tensor:
        usual.append(step)
        also(step)
        return torch.tensor(-1.0)

    parameter = torch.zeros(1, requires_grad=True)
    done = CapturedSteps(learn, torch.optim.SGD([parameter]), lambda step: step % every == 0, steps)
    for step in range(steps):
        done(step, BATCH)
    return done, usual


def test_seven_steps_are_done_as_usual_and_all_others_by_the_graph_of_the_eighth() -> None:
    done, usual = run()
    assert done.pays is True
    assert usual == [*range(7)]
    assert StandIn.captured == [7] and StandIn.replayed == [7] * (STEPS - 7)


def test_steps_of_another_kind_have_a_graph_of_their_own_once_one_was_done_as_usual() -> None:
    _, usual = run(every=9)
    assert usual == [*range(7)]  # 0 is of the other kind
    assert StandIn.captured == [7, 9]
    assert StandIn.replayed == [9 if step % 9 == 0 else 7 for step in range(7, STEPS)]


def test_too_few_steps_are_not_worth_it() -> None:
    _, usual = run(steps=captured.WORTH + 7)
    assert usual == [*range(7)]
    StandIn.captured.clear()
    done, usual = run(steps=captured.WORTH + 6)
    assert usual == [*range(captured.WORTH + 6)] and not StandIn.captured
    assert done.pays is True


def test_a_batch_of_another_shape_is_done_as_usual() -> None:
    done, usual = run()
    done(STEPS, (torch.zeros(1, 1), torch.zeros(1), None))
    assert usual[-1] == STEPS


@pytest.mark.parametrize("also", [lambda step: random.random(), lambda step: torch.rand(1)])
def test_what_draws_from_a_generator_of_the_cpu_is_not_captured(also: Callable[[int], object]) -> None:
    done, usual = run(also)
    assert done.pays is False and usual == [*range(STEPS)] and not StandIn.captured


@pytest.mark.filterwarnings("ignore")
def test_what_waits_for_the_gpu_is_not_captured_and_other_warnings_do_not_matter() -> None:
    done, _ = run(lambda step: warnings.warn("called a synchronizing CUDA operation", stacklevel=1))
    assert done.pays is False
    done, _ = run(lambda step: warnings.warn("Synchronization debug mode is a prototype", stacklevel=1))
    assert done.pays is True


def test_a_gpu_that_is_busy_longer_than_it_is_asked_gets_no_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: next(now))
    done, usual = run()  # 1 of 3 ticks is asking
    assert done.pays is False and usual == [*range(STEPS)]
    done, _ = run(lambda step: [next(now) for _ in range(3)])
    assert done.pays is True


def test_after_a_capture_that_fails_all_is_as_usual() -> None:
    StandIn.problem = RuntimeError("operation not permitted when stream is capturing")
    done, usual = run()
    assert done.pays is False and usual == [*range(STEPS)] and StandIn.captured == [7]

"""Training steps in two precisions, timed by a clock that is made up, and looked at for what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.autocast import arithmetic
from lcsearch.core.errors import InputError
from lcsearch.core.precision import StepTimes
from lcsearch.train.precision import SECONDS, check_precision, compare_precisions

IMAGES = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(64) % 4


def small_net(*more: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4), *more
    )


class Clock:
    """Stands still, but while the net runs: then it goes on by what ``taken`` says of step and images."""

    def __init__(self, taken: Callable[[int, int], float], *more: nn.Module) -> None:
        self.now, self.sizes = 100.0, list[int]()
        self.net = small_net(*more)

        def run(module: nn.Module, given: tuple[Tensor], scores: Tensor) -> None:
            self.now += taken(len(self.sizes), len(given[0]))
            self.sizes.append(len(given[0]))

        self.net.register_forward_hook(run)

    def compare(self) -> StepTimes:
        return compare_precisions(self.net, IMAGES, LABELS, device="cpu", threads=1, clock=lambda: self.now)


def by_turns(float32: Iterable[float], bfloat16: Iterable[float]) -> Callable[[int, int], float]:
    """Seconds of each step of 64 images, a pair after the other; smaller ones take none."""
    left = [seconds for pair in zip(float32, bfloat16, strict=True) for seconds in pair]
    return lambda step, images: left.pop(0) if images == 64 else 0.0


def test_the_least_of_eight_steps_of_a_whole_batch_counts() -> None:
    first_ones = [0.5, 0.05]  # which find out whether there is time: not timed
    clock = Clock(
        by_turns(
            [*first_ones, 0.08, 0.06, 0.09, 0.06, 0.2, 0.07, 0.08, 0.08],
            [*first_ones, 0.05, 0.05, 0.07, 0.03, 0.04, 0.03, 0.1, 0.06],
        )
    )
    found = clock.compare()
    assert (found.images, found.float32, found.bfloat16) == (64, pytest.approx(0.06), pytest.approx(0.03))
    assert found.speedup == pytest.approx(2.0) and (found.threads, found.problem) == (1, "")
    assert clock.sizes == [2] * 4 + [8] * 4 + [32] * 4 + [64] * 20


@pytest.mark.parametrize(("each", "images"), [(1e-4, 64), (1e-3, 64), (4e-3, 32), (0.02, 8), (0.1, 2)])
def test_a_slow_net_is_compared_with_fewer_images_in_the_same_time(each: float, images: int) -> None:
    clock = Clock(lambda step, size: each * size)
    found = clock.compare()
    assert (found.images, found.speedup) == (images, pytest.approx(1.0))
    assert clock.now - 100 <= SECONDS
    assert clock.sizes[-6:] == [images] * 6, "at least three each"


def test_a_net_whose_steps_take_seconds_is_not_compared() -> None:
    clock = Clock(lambda step, size: 0.8)
    found = clock.compare()
    assert found.problem == "takes too long to be compared within 3 s" and found.chosen == "float32"
    assert clock.now - 100 <= SECONDS + 0.8 and (found.float32, found.bfloat16) == (None, None)


class InHalf(nn.Module):
    """Changes what comes by, under bfloat16 alone."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._change = change

    def forward(self, scores: Tensor) -> Tensor:
        return self._change(scores) if torch.is_autocast_enabled("cpu") else scores


def refuse(scores: Tensor) -> Tensor:
    raise RuntimeError("no kernel\nfor BFloat16")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda scores: scores * 1.001, ""),
        (lambda scores: scores * torch.inf, "has a loss or a gradient that is not finite"),
        (lambda scores: scores - 50 * nn.functional.one_hot(LABELS[: len(scores)], 4), "has a loss of 5"),
        (refuse, "fails: RuntimeError: no kernel for BFloat16"),
    ],
)
def test_a_net_that_does_not_learn_the_same_in_bfloat16_stays_in_float32(
    change: Callable[[Tensor], Tensor], problem: str
) -> None:
    clock = Clock(lambda step, size: 0.02 if step % 2 else 0.06, InHalf(change))
    found = clock.compare()
    assert found.problem.startswith(problem) and bool(found.problem) == bool(problem)
    assert found.chosen == ("float32" if problem else "bfloat16")


@pytest.mark.parametrize(("each", "images", "differs"), [(1e-4, 64, True), (0.02, 8, True), (0.1, 2, False)])
def test_losses_of_two_images_may_differ_more(each: float, images: int, differs: bool) -> None:
    """By a tenth for eight and more: a sixth is what two images of one net differed by on a busy machine."""
    sixth = InHalf(lambda scores: scores - 0.3 * nn.functional.one_hot(LABELS[: len(scores)], 4))
    found = Clock(lambda step, size: each * size, sixth).compare()
    assert (found.images, bool(found.problem)) == (images, differs)


def test_the_net_and_what_is_drawn_later_stay_as_they_were() -> None:
    clock = Clock(lambda step, size: 0.01)
    before = {name: tensor.clone() for name, tensor in clock.net.state_dict().items()}
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    clock.compare()
    assert torch.equal(torch.rand(3), wanted)
    assert all(torch.equal(before[name], tensor) for name, tensor in clock.net.state_dict().items())


@pytest.mark.parametrize(("precision", "kind"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_convolutions_are_computed_in_the_precision(precision: str, kind: torch.dtype) -> None:
    with arithmetic(precision, "cpu"):  # type: ignore[arg-type]
        assert nn.Conv2d(1, 2, 3)(IMAGES).dtype == kind


def test_a_device_that_cannot_is_named_with_what_can_be_done() -> None:
    check_precision("bfloat16", "cpu")
    check_precision("float32", "meta")
    with pytest.raises(
        InputError, match=r"precision='bfloat16': .+ cannot compute in it \(.+\); try auto or"
    ):
        check_precision("bfloat16", "meta")  # a device that computes nothing

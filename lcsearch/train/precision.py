"""Which arithmetic of training a device is faster in: float32, or bfloat16 autocast."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.core.autocast import arithmetic
from lcsearch.core.errors import InputError, one_line, reason
from lcsearch.core.freed_memory import freed_memory_kept
from lcsearch.core.machine import device_name
from lcsearch.core.precision import StepTimes
from lcsearch.core.seeds import generators_kept, seed_everything
from lcsearch.core.spec import Precision
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets.layout import channels_last

SECONDS = 3.0
"""How long a comparison may take."""
_SIZES = (2, 8, 32)
"""Images that a step is tried with before all of them: it must not take too long."""
_LEAST, _MOST = 3, 8
"""Steps in each precision that are timed."""
_CLOSE, _CLOSE_OF = 0.1, 8
"""Share by which losses of the same step may differ: in bfloat16 numbers are rounded to 1/256.

For so many images and more; a mean over fewer differs more, by the root of their number.
"""
_RATE = 0.01


def check_precision(precision: Precision, device: str) -> None:
    """Make sure that a device can compute in a precision.

    Raises:
        InputError: It cannot; slowly will do.
    """
    if precision == "float32":
        return
    try:
        with arithmetic(precision, device):
            F.conv2d(torch.ones(1, 1, 3, 3, device=device), torch.ones(1, 1, 3, 3, device=device)).item()
    except (RuntimeError, NotImplementedError) as error:
        problem = f"{device_name(device)} cannot compute in it ({reason(error)}); try auto or float32"
        raise InputError(problem, setting="precision", value=precision) from error


def compare_precisions(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    device: str,
    threads: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> StepTimes:
    """Time training steps of a net in both precisions, in turns, and look whether both learn the same.

    A step is forward, backward, the norm of the gradient and a plain step down it. It takes fewer images than
    are given where `SECONDS` would not suffice.

    Args:
        net: The net, as trials have it; it is moved to the device, and its weights stay as they are.
        images: A batch, normalised, on the device.
        labels: Its labels.
        device: Where trials train.
        threads: What is recorded of them.
        clock: Tells the seconds.
    """
    with freed_memory_kept(device), generators_kept(device):
        try:
            with fast_convolutions(net, device):
                found = _Comparison(net, images, labels, device, clock).found()
        except (RuntimeError, TypeError, ValueError) as error:  # float32 was tried before
            found = {"images": len(images), "problem": f"fails: {one_line(error)}"}
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()  # trials in other processes need the memory
    return StepTimes(device_name(device), threads, **found)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step: how long it took, the loss before it, and the norm of the gradient."""

    seconds: float
    loss: float
    norm: float


_Pair = tuple[_Step, _Step]
"""The same step in float32 and in bfloat16."""


class _Comparison:
    """Two copies of a net, one trained in float32, the other in bfloat16."""

    def __init__(
        self, net: nn.Module, images: Tensor, labels: Tensor, device: str, clock: Callable[[], float]
    ) -> None:
        self._net = channels_last(net, torch.device(device)).train()
        self._images, self._labels, self._device, self._clock = images, labels, device, clock
        self._end = clock() + SECONDS

    def found(self) -> dict[str, Any]:
        """What of `StepTimes` is measured."""
        size, cost = self._size()
        if cost * _LEAST > self._end - self._clock():
            return {"images": size, "problem": f"takes too long to be compared within {SECONDS:g} s"}
        nets, taken = self._copies(), list[_Pair]()
        while len(taken) < _MOST and (len(taken) < _LEAST or self._clock() + cost < self._end):
            taken.append(self._pair(nets, size))
        single, half = (min(step.seconds for step in own) for own in zip(*taken, strict=True))
        return {"images": size, "float32": single, "bfloat16": half, "problem": _problem(taken, size)}

    def _size(self) -> tuple[int, float]:
        """How many images a step can have, and the seconds that it then takes in both precisions."""
        sizes = [*(size for size in _SIZES if size < len(self._images)), len(self._images)]
        nets = self._copies()
        for size, larger in zip(sizes, [*sizes[1:], math.inf], strict=True):
            cost = _seconds(self._pair(nets, size))
            if self._clock() < self._end:  # the first step of a size also made its kernels ready
                cost = _seconds(self._pair(nets, size))
            if cost * larger / size * (2 + _LEAST) > self._end - self._clock():
                break
        return size, cost

    def _copies(self) -> tuple[nn.Module, nn.Module]:
        return copy.deepcopy(self._net), copy.deepcopy(self._net)

    def _pair(self, nets: tuple[nn.Module, nn.Module], size: int) -> _Pair:
        return self._step("float32", nets[0], size), self._step("bfloat16", nets[1], size)

    def _step(self, precision: Precision, net: nn.Module, size: int) -> _Step:
        seed_everything(size)
        images, labels = self._images[:size].clone(), self._labels[:size]
        begin = self._time()
        with arithmetic(precision, self._device):
            scores = net(images)
        loss = F.cross_entropy(scores.float(), labels)
        net.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        with torch.no_grad():
            for parameter in net.parameters():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad, alpha=_RATE)
        return _Step(self._time() - begin, float(loss.detach()), float(norm))

    def _time(self) -> float:
        kind = torch.device(self._device).type
        if kind != "cpu":
            getattr(torch, kind).synchronize()
        return self._clock()


def _seconds(pair: _Pair) -> float:
    return pair[0].seconds + pair[1].seconds


def _problem(taken: Sequence[_Pair], size: int) -> str:
    """Why bfloat16 will not do, whatever its speed; empty where it will."""
    close = _CLOSE * math.sqrt(max(1.0, _CLOSE_OF / size))
    for single, half in taken:
        if not all(map(math.isfinite, (single.loss, single.norm, half.loss, half.norm))):
            return "has a loss or a gradient that is not finite"
        if abs(single.loss - half.loss) > close * max(1.0, single.loss):
            return f"has a loss of {half.loss:.3g} where it is {single.loss:.3g} in float32"
    return ""

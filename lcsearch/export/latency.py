"""How long one image takes: models are timed in turns, so that a busy machine is unfair to none."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lcsearch.core.threads import computing_on

_SECONDS = 1.5
_MOST, _LEAST, _WARM_UP = 100, 5, 3


@dataclass(frozen=True, slots=True)
class Latency:
    """Median seconds of one image, per model, and of how many runs."""

    seconds: tuple[float, ...]
    runs: int


def measure(models: Sequence[Callable[[Tensor], Tensor]], shape: tuple[int, int, int]) -> Latency:
    """Time models on one image, on one CPU thread.

    Args:
        models: Functions of images (1, c, h, w).
        shape: Channels, height and width.
    """
    image = torch.zeros(1, *shape)
    times: list[list[float]] = [[] for _ in models]
    with computing_on(1), torch.no_grad():
        for model in models:
            for _ in range(_WARM_UP):
                model(image.clone())
        end = time.perf_counter() + _SECONDS
        while len(times[0]) < _LEAST or (len(times[0]) < _MOST and time.perf_counter() < end):
            for model, taken in zip(models, times, strict=True):
                own = image.clone()
                begin = time.perf_counter()
                model(own)
                taken.append(time.perf_counter() - begin)
    return Latency(tuple(statistics.median(taken) for taken in times), len(times[0]))

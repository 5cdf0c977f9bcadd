"""Averaged weights: the exponential moving average that is evaluated and exported."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lcsearch.core.torch_private import copy_all, lerp_all


def decay_per_step(window: float, steps_per_epoch: int) -> float:
    """Decay of an average whose time constant is a number of epochs; 0, no average, for a window of 0."""
    return math.exp(-1.0 / (window * steps_per_epoch)) if window > 0 else 0.0


class AveragedWeights:
    """Moving average over steps of a model's parameters and buffers.

    Floating-point tensors are averaged, batch-norm statistics among them, since they must fit the
    averaged filters; other tensors (counters, masks) are copied. In early steps the average
    reaches back over a fifth of the steps so far at most, or it would hold the initial weights.

    Args:
        model: The model whose weights are averaged; its tensors are read in place at each step.
        decay: Share of the old average that a late step keeps, in [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._live = [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]
        self._mean = [tensor.clone() for tensor in self._live]
        pairs = list(zip(self._mean, self._live, strict=True))
        self._averaged = [pair for pair in pairs if pair[1].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[1].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step (0 for the first)."""
        decay = min(self._decay, step / (step + 5))
        means, lives = zip(*self._averaged, strict=True)
        lerp_all(means, lives, 1.0 - decay)
        if self._copied:
            copy_all(*zip(*self._copied, strict=True))

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the model's weights and the average; twice changes nothing."""
        for mean, live in zip(self._mean, self._live, strict=True):
            held = live.clone()
            live.copy_(mean)
            mean.copy_(held)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model holds the averaged weights inside the block."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state(self) -> list[Tensor]:
        """The averages, in the order of parameters and buffers."""
        return self._mean

    @torch.no_grad()
    def load(self, state: list[Tensor]) -> None:
        """Take over averages that `state` gave."""
        for mean, tensor in zip(self._mean, state, strict=True):
            mean.copy_(tensor)

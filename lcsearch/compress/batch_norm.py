"""Batch norm statistics of a model whose layers have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.compress.responses import BatchNorm, evaluation, norms
from lcsearch.layers.bank_norm import InnerNorm
from lcsearch.layers.models import inner_norms

_NUMBERS = 1 << 22
"""Numbers that are summed at once on a CPU: as float64 they take 32 MiB."""


@torch.no_grad()
def reestimate(model: nn.Module, images: Tensor, batch_size: int = 512) -> None:
    """Make the statistics of every batch norm layer those of some images.

    The mean and the variance (unbiased, as PyTorch keeps it) are those of all values that a layer gets, over
    all images and places, summed in float64. As in training, images normalise each other on the way: with
    one batch, the layers get in evaluation mode what they were measured on. All else, dropout included, is in
    evaluation mode. A batch norm inside a layer of a family is part of its filters: it takes its statistics
    too, but goes on to do what it did.

    Args:
        model: Its modes and all else are left as they are; a layer that is not called keeps its statistics.
        images: (n, c, h, w) float32, normalised, on the model's device; fewer than two change nothing.
        batch_size: Images at once, at least 2.
    """
    layers, inner = norms(model), inner_norms(model)
    if not (layers or inner) or len(images) < 2:
        return
    sums = {layer: _Sums() for layer in layers}
    own = {one.norm: _Sums() for _, one in inner}
    kept = {layer: (layer.momentum, _state(layer)) for layer in layers}
    handles = [layer.register_forward_pre_hook(sums[layer].add) for layer in layers]
    handles += [layer.register_forward_pre_hook(_into(own[one.norm], one)) for layer, one in inner]
    try:
        with evaluation(model):
            for layer in layers:
                layer.training, layer.momentum = True, 0.0
            pieces = min(-(-len(images) // max(2, batch_size)), len(images) // 2)  # none of one image
            for batch in images.tensor_split(pieces):
                model(batch.clone())
    finally:
        for handle in handles:
            handle.remove()
        for layer, (momentum, state) in kept.items():
            layer.momentum = momentum
            for name, value in state.items():
                getattr(layer, name).copy_(value)
    for layer in layers:
        sums[layer].give(layer)
    for norm, found in own.items():
        if found.count > 1:
            norm.keep(found.mean, found.variance)


def _into(sums: _Sums, inner: InnerNorm) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        images = inputs[0] if inputs[0].dim() == 4 else inputs[0][None]
        sums.add(module, (inner.answers(images),))

    return hook


@contextmanager
def restless(model: nn.Module) -> Iterator[Callable[[], None]]:
    """From the first call of what it gives, batch norm layers take the statistics of what they get."""
    layers = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms(model)]
    counts = [None if count is None else count.clone() for _, _, count in layers]

    def wake() -> None:
        for norm, _, _ in layers:
            norm.training, norm.momentum = True, 1.0

    try:
        yield wake
    finally:
        for (norm, momentum, tracked), count in zip(layers, counts, strict=True):
            norm.momentum = momentum
            if tracked is not None and count is not None:
                tracked.copy_(count)


def _state(layer: BatchNorm) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in layer.named_buffers(recurse=False)}


class _Sums:
    """Count, mean and sum of squared deviations per channel, merged batch by batch (Chan et al. 1983)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        """A hook: take what a layer gets, (n, c) or (n, c, ...), on a CPU in parts."""
        values = inputs[0].detach()
        at_once = max(1, _NUMBERS * len(values) // max(1, values.numel()))
        for part in values.split(at_once if values.device.type == "cpu" else len(values)):
            self._merge(part.transpose(0, 1).flatten(1))

    def _merge(self, values: Tensor) -> None:
        exact = values.double() if values.device.type == "cpu" else values
        variance, mean = torch.var_mean(exact, 1, correction=0)
        count, mean, squares = values.shape[1], mean.double().cpu(), variance.double().cpu() * values.shape[1]
        total = self.count + count
        step = mean - self.mean
        self.squares = self.squares + squares + step**2 * (self.count * count / total)
        self.mean = self.mean + step * (count / total)
        self.count = total

    def give(self, layer: BatchNorm) -> None:
        """Make a layer's running statistics these."""
        if self.count < 2:
            return
        assert layer.running_mean is not None and layer.running_var is not None
        layer.running_mean.copy_(self.mean)
        layer.running_var.copy_(self.variance)

    @property
    def variance(self) -> Tensor:
        """Unbiased, of two values at least."""
        return self.squares / (self.count - 1)

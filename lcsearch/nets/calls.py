"""Which convolutions of a net run: a net may look at its layers before it calls them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def called(model: nn.Module) -> Iterator[list[str]]:
    """Note which convolutions, and layers in their place, are called while the block runs.

    Yields:
        Their module names, each once, in the order of their first calls; it grows inside the block.
    """
    names: list[str] = []

    def note(name: str) -> None:
        if name not in names:
            names.append(name)

    handles = [
        module.register_forward_pre_hook(lambda module, inputs, name=name: note(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        yield names
    finally:
        for handle in handles:
            handle.remove()

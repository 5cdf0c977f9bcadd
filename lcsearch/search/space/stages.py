"""A stage: the convolutions of a net whose outputs have one height and width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

IMAGE_SIZES = (32, 64, 224, 299)
"""Tried in this order: nets for small images, then those that need larger ones."""


def stages(model: nn.Module, names: Sequence[str]) -> dict[str, str]:
    """The stage of each convolution: ``stage1``, ``stage2``, in the order in which they first occur.

    The sizes come from one image on the meta device. A net that takes none of the usual sizes has a stage
    for every run of convolutions with the same number of output channels instead.

    Args:
        model: The net; it is left as it is.
        names: Module names of convolutions, in module order.
    """
    sizes = next((found for size in IMAGE_SIZES if (found := _sizes(model, names, size))), None)
    keys = sizes or _channel_runs(model, names)
    numbers = {key: f"stage{index + 1}" for index, key in enumerate(dict.fromkeys(keys.values()))}
    return {name: numbers[keys[name]] for name in names}


def _sizes(model: nn.Module, names: Sequence[str], size: int) -> dict[str, Any] | None:
    """Output height and width of each convolution; None if the image does not pass through all of them."""
    import torch

    from lcsearch.nets.copying import copied

    net = copied(model).to("meta").eval()
    found: dict[str, Any] = {}
    for name in names:
        module = net.get_submodule(name)

        def keep(_: Any, __: Any, output: Any, name: str = name) -> None:
            found[name] = tuple(output.shape[-2:])

        module.register_forward_hook(keep)
    channels = next(module for module in net.modules() if isinstance(module, torch.nn.Conv2d)).in_channels
    try:
        with torch.no_grad(), torch.device("meta"):
            net(torch.empty(2, channels, size, size))
    except Exception:  # what a user's net raises is theirs to choose; only what was seen until then matters
        pass
    return found if len(found) == len(names) else None


def _channel_runs(model: nn.Module, names: Sequence[str]) -> dict[str, Any]:
    runs: dict[str, Any] = {}
    run, last = 0, None
    for name in names:
        out: Any = model.get_submodule(name).out_channels
        run, last = run + (out != last), out
        runs[name] = run
    return runs

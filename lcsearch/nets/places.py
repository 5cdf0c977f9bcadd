"""At how many positions of its feature maps each layer of a net works."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.layers.models import family_layers
from lcsearch.layers.shape import Places
from lcsearch.nets.copying import copied_to
from lcsearch.nets.failure import Watch


def places_of(model: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, Places]:
    """The places of the layers that took the place of convolutions, by module name, over all calls of each.

    Args:
        model: A model on any device; it is left as it is. A layer that it does not call is left out.
        image_shape: Channels, height and width of one image.

    Raises:
        InputError: The model does not run on images of this shape; names the layer that failed.
    """
    try:
        return _places_on(torch.device("meta"), model, image_shape)
    except InputError:  # what needs values cannot run on the meta device
        return _places_on(torch.device("cpu"), model, image_shape)


def _places_on(
    device: torch.device, model: nn.Module, image_shape: tuple[int, int, int]
) -> dict[str, Places]:
    found: dict[str, Places] = {}
    with Watch():
        net = copied_to(model, device).eval()
    some = next(net.parameters(), torch.empty(0))
    with Watch(), torch.no_grad(), ExitStack() as hooks:
        for name, layer in family_layers(net).items():
            hooks.callback(layer.register_forward_hook(partial(_note, found, name)).remove)
        net(torch.zeros(1, *image_shape, device=device, dtype=some.dtype))
    return found


def _note(
    found: dict[str, Places], name: str, layer: nn.Module, inputs: tuple[Any, ...], output: Tensor
) -> None:
    given, made = found.get(name, Places(0, 0))
    found[name] = Places(given + inputs[0].shape[-2:].numel(), made + output.shape[-2:].numel())

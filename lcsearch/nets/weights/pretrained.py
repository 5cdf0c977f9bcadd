"""The weights that torchvision publishes for its nets, and how images are normalised for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError, one_line
from lcsearch.core.normalisation import Normalisation
from lcsearch.nets.backbones import plain_form, pretrained_form
from lcsearch.nets.backbones._torchvision import PREFIX, no_such_net
from lcsearch.nets.replaceable import conv_layers

_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")


def published(backbone: str, model: nn.Module) -> dict[str, Tensor]:
    """The weights of one of torchvision's nets by name, without those of auxiliary heads.

    Torchvision itself loads them into its net, since some are published under names of older versions.

    Args:
        backbone: ``torchvision:NAME``.
        model: What they are for.

    Raises:
        InputError: The net is not torchvision's, has no weights or others than for 3 channels, or they
            cannot be downloaded.
    """
    weights = _weights(backbone)
    first = next(iter(conv_layers(model).values()), None)
    if first is not None and first.in_channels != 3:
        raise InputError(f"{backbone} is trained on 3 channels; the images have {first.in_channels}")
    from torchvision.models import get_model

    try:
        with torch.random.fork_rng(devices=()):
            state = get_model(_name(backbone), weights=weights, progress=False).state_dict()
    except (OSError, RuntimeError) as error:
        raise InputError(f"the weights of {backbone} cannot be had: {one_line(error)}") from None
    return {key: value for key, value in state.items() if not key.startswith(_AUXILIARY)}


def published_normalisation(backbone: str) -> Normalisation:
    """How the images were normalised that torchvision's weights were trained on.

    Args:
        backbone: ``torchvision:NAME``.

    Raises:
        InputError: The net is not torchvision's, or has no weights.
    """
    images = _weights(backbone).transforms()
    return Normalisation(tuple(images.mean), tuple(images.std))


def said_of_published(backbone: str) -> str:
    """What comes along with torchvision's weights, in a line."""
    images = f"images are normalised as the weights of {backbone} expect: {published_normalisation(backbone)}"
    if pretrained_form(backbone) == plain_form(backbone):
        return images
    return f"{images}; the net has the settings that torchvision gives it for them"


def _weights(backbone: str) -> Any:
    if not backbone.startswith(PREFIX):
        raise InputError(f"there are weights for torchvision:NAME only, not for {backbone}")
    from torchvision.models import get_model_weights

    try:
        return get_model_weights(_name(backbone)).DEFAULT
    except ValueError:
        raise InputError(no_such_net(_name(backbone))) from None
    except AttributeError:
        raise InputError(f"torchvision has no weights of {_name(backbone)}") from None


def _name(backbone: str) -> str:
    return plain_form(backbone).removeprefix(PREFIX)

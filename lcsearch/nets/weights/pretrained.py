"""The weights that torchvision and timm publish for their nets, and what images they expect."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError, Named, one_line
from lcsearch.core.normalisation import Normalisation
from lcsearch.nets.backbones import _timm, plain_form, pretrained_form
from lcsearch.nets.backbones._torchvision import PREFIX, no_such_net
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.weights import pretrained_timm

_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")


def published(backbone: str, model: nn.Module) -> dict[str, Tensor]:
    """The weights of one of torchvision's or timm's nets by name, without those of auxiliary heads.

    Their package itself loads them into its net, since some are published under names of older versions.

    Args:
        backbone: ``torchvision:NAME`` or ``timm:NAME``.
        model: What they are for.

    Raises:
        InputError: The net is neither torchvision's nor timm's, has no weights or others than for 3 channels,
            or they cannot be downloaded.
    """
    published_normalisation(backbone)  # says first what has no weights
    first = next(iter(conv_layers(model).values()), None)
    if first is not None and first.in_channels != 3:
        raise InputError(f"{backbone} is trained on 3 channels; the images have {first.in_channels}")
    try:
        with torch.random.fork_rng(devices=()):
            state = _state(backbone)
    except (OSError, RuntimeError) as error:
        raise InputError(*_not_had(backbone, error)) from None
    return {key: value for key, value in state.items() if not key.startswith(_AUXILIARY)}


def _not_had(backbone: str, error: Exception) -> tuple[str | Named, ...]:
    """What was tried for weights, and how to go on without what cannot be reached."""
    if backbone.startswith(_timm.PREFIX):
        tried = "the hub of Hugging Face and its cache (HF_HOME)"
    else:
        tried = f"{_weights(backbone).url} and the folder {torch.hub.get_dir()}/checkpoints (TORCH_HOME)"
    said = (
        f"the weights of {backbone} cannot be had: {one_line(error)}; tried {tried}; without a network give "
    )
    return said, "a file of weights, ", Named("init", "FILE"), ", or use ", Named("init", "trained")


def published_normalisation(backbone: str) -> Normalisation:
    """How the images were normalised that published weights were trained on.

    Args:
        backbone: ``torchvision:NAME`` or ``timm:NAME``.

    Raises:
        InputError: The net is neither torchvision's nor timm's, or has no weights.
    """
    if backbone.startswith(_timm.PREFIX):
        return pretrained_timm.normalisation_of(_name(backbone))
    images = _weights(backbone).transforms()
    return Normalisation(tuple(images.mean), tuple(images.std))


def published_size(backbone: str) -> int | None:
    """Height and width of these images, in pixels; None where any will do: torchvision's nets take all."""
    return pretrained_timm.size_of(_name(backbone)) if backbone.startswith(_timm.PREFIX) else None


def said_of_published(backbone: str) -> str:
    """What comes along with published weights, in a line."""
    images = f"images are normalised as the weights of {backbone} expect: {published_normalisation(backbone)}"
    if pretrained_form(backbone) == plain_form(backbone):
        return images
    return f"{images}; the net has the settings that torchvision gives it for them"


def _state(backbone: str) -> dict[str, Tensor]:
    if backbone.startswith(_timm.PREFIX):
        return pretrained_timm.state_of(_name(backbone))
    weights = _weights(backbone)
    from torchvision.models import get_model

    state: dict[str, Tensor] = get_model(_name(backbone), weights=weights, progress=False).state_dict()
    return state


def _weights(backbone: str) -> Any:
    if not backbone.startswith(PREFIX):
        raise InputError(f"there are weights for torchvision:NAME and timm:NAME only, not for {backbone}")
    from torchvision.models import get_model_weights

    try:
        return get_model_weights(_name(backbone)).DEFAULT
    except ValueError:
        raise InputError(no_such_net(_name(backbone))) from None
    except AttributeError:
        raise InputError(f"torchvision has no weights of {_name(backbone)}") from None


def _name(backbone: str) -> str:
    return plain_form(backbone).removeprefix(PREFIX).removeprefix(_timm.PREFIX)

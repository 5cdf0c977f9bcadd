"""The weights that timm publishes for its nets, and what images they expect."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lcsearch.core.errors import InputError
from lcsearch.core.normalisation import Normalisation
from lcsearch.nets.backbones import _timm


def state_of(name: str) -> dict[str, Tensor]:
    """The weights by name; timm itself loads them into its net, from the hub or Hugging Face's cache.

    Args:
        name: timm's name of the net; the tag of its weights may follow.

    Raises:
        InputError: There are none.
        OSError: They can be had from neither.
        RuntimeError: They do not fit timm's own net.
    """
    _config(name)
    import timm

    state: dict[str, Tensor] = timm.create_model(name, pretrained=True).state_dict()
    return state


def normalisation_of(name: str) -> Normalisation:
    """How the images were normalised that the weights were trained on."""
    config = _config(name)
    return Normalisation(tuple(config.mean), tuple(config.std))


def size_of(name: str) -> int:
    """Height and width of these images, in pixels."""
    return int(_config(name).input_size[-1])


def _config(name: str) -> Any:
    """What timm says of the weights.

    Raises:
        InputError: There is no such net, or it has no weights.
    """
    _timm.check(name)
    import timm

    found = timm.get_pretrained_cfg(name)
    if found is None or not found.has_weights:
        raise InputError(f"timm has no weights of {name}")
    return found

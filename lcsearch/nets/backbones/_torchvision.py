"""Every classification net of torchvision, in any number of classes and input channels."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from lcsearch.core.errors import InputError, did_you_mean

PREFIX = "torchvision:"

PRETRAINED = "@pretrained"
"""After a net's name: built as torchvision builds it for its published weights."""

_CHANNELS, _SIZE = 3, 224
"""Of the images that published weights are for: always, and unless their builder makes another net."""


def names() -> list[str]:
    """The names of torchvision's classification nets, such as ``resnet50``."""
    import torchvision

    return list(torchvision.models.list_models(module=torchvision.models))


def no_such_net(name: str) -> str:
    """Say that torchvision has no net of a name, and what it has."""
    known = names()
    advice = did_you_mean(name, known)
    if advice.startswith("choose from"):
        advice = f"choose from torchvision's {len(known)} classification nets, such as resnet50"
    return f"torchvision has no classification net {name!r}; {advice}"


def build(name: str, *, num_classes: int, in_channels: int) -> nn.Module:
    """Build a torchvision net without weights; auxiliary heads are left out.

    Args:
        name: torchvision's name, without the prefix; with `PRETRAINED` after it, the net has what its builder
            sets for its published weights.
        num_classes: Outputs.
        in_channels: Channels of the images; other than 3, the first convolution is replaced by a fresh one.

    Raises:
        InputError: torchvision has no classification net of this name; or the net for its published weights
            takes 3 channels alone.
    """
    import torchvision

    name, with_settings, _ = name.partition(PRETRAINED)
    if name not in names():
        raise InputError(no_such_net(name), setting="backbone")
    builder = torchvision.models.get_model_builder(name)
    settings = _published_settings(name) if with_settings else {}
    if settings and in_channels != _CHANNELS:
        problem = f"{name} is trained on {_CHANNELS} channels; the images have {in_channels}"
        raise InputError(problem, setting="backbone")
    model: nn.Module = builder(weights=None, num_classes=num_classes, **_extras(name), **settings)
    if in_channels != _CHANNELS:
        _replace_first_conv(model, in_channels)
    return model


def pretrained_form(name: str) -> str:
    """A net's name as it is built for its published weights; the same where that is the same net."""
    return f"{name}{PRETRAINED}" if _published_settings(name) else name


def _published_settings(name: str) -> dict[str, Any]:
    """What torchvision's builder sets for published weights, beside classes and auxiliary heads.

    Two nets turn images that are normalised as torchvision does into those that their weights were trained
    on, which come from elsewhere; a transformer has a place for each patch of an image.
    """
    if name in ("googlenet", "inception_v3"):
        return {"transform_input": True}
    if name.startswith("vit_") and name in names():
        import torchvision

        size = torchvision.models.get_model_weights(name).DEFAULT.meta["min_size"][0]
        return {} if size == _SIZE else {"image_size": size}
    return {}


def _extras(name: str) -> dict[str, Any]:
    """Arguments that keep one output in training: two nets have auxiliary heads."""
    return {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}


def _replace_first_conv(model: nn.Module, in_channels: int) -> None:
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3 and module.groups == 1:
            kept = [key for key in inspect.signature(nn.Conv2d).parameters if hasattr(module, key)]
            arguments = {key: getattr(module, key) for key in kept} | {
                "in_channels": in_channels,
                "bias": module.bias is not None,
                "device": module.weight.device,
                "dtype": module.weight.dtype,
            }
            model.set_submodule(name, nn.Conv2d(**arguments))
            return
    raise InputError(
        f"{type(model).__name__} has no first convolution of 3 channels to replace", setting="backbone"
    )

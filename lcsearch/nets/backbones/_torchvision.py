"""Every classification net of torchvision, in any number of classes and input channels."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from lcsearch.core.errors import InputError, did_you_mean

PREFIX = "torchvision:"


def names() -> list[str]:
    """The names of torchvision's classification nets, such as ``resnet50``."""
    import torchvision

    return list(torchvision.models.list_models(module=torchvision.models))


def build(name: str, *, num_classes: int, in_channels: int) -> nn.Module:
    """Build a torchvision net without weights; auxiliary heads are left out.

    Args:
        name: torchvision's name, without the prefix.
        num_classes: Outputs.
        in_channels: Channels of the images; other than 3, the first convolution is replaced by a fresh one.

    Raises:
        InputError: torchvision has no classification net of this name.
    """
    import torchvision

    known = names()
    if name not in known:
        advice = did_you_mean(name, known)
        if advice.startswith("choose from"):
            advice = f"choose from torchvision's {len(known)} classification nets, such as resnet50"
        raise InputError(f"torchvision has no classification net {name!r}; {advice}", setting="backbone")
    builder = torchvision.models.get_model_builder(name)
    model: nn.Module = builder(weights=None, num_classes=num_classes, **_extras(name))
    if in_channels != 3:
        _replace_first_conv(model, in_channels)
    return model


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

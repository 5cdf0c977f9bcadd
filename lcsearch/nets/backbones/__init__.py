"""The nets that can be compressed: ours (one a file), other people's, torchvision's, timm's, the user's own.

A backbone is a function, whoever wrote it.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.core.functions import find_function, parameters

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "Backbone",
    "build",
    "call",
    "describe",
    "find",
    "plain_form",
    "pretrained_form",
    "with_head",
]

_TORCHVISION, _TIMM = "torchvision:", "timm:"
_HEAD = "@head="


@runtime_checkable
class Backbone(Protocol):
    """Makes a net with fresh weights on the default device; the first line of its docstring describes it.

    A function without the parameter ``width`` is a backbone too: its net comes in one width.
    """

    def __call__(self, *, num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
        """Make a net.

        Args:
            num_classes: Outputs, at least 1.
            in_channels: Channels of the images, at least 1.
            width: Factor on the channel counts, above 0.

        Returns:
            A module that maps images (b, in_channels, h, w) to logits (b, num_classes), or answers with more
            that holds them (`lcsearch.nets.scores`).
        """


def find(name: str) -> Backbone:
    """Import a backbone.

    Args:
        name: One with a name, ``torchvision:NAME``, ``timm:NAME``, or ``package.module:function``.

    Raises:
        InputError: There is none, or it does not load.
    """
    backbone: Backbone
    name = name.partition(_HEAD)[0]
    if name.startswith(_TORCHVISION):
        from lcsearch.nets.backbones import _torchvision

        backbone = functools.partial(_torchvision.build, name.removeprefix(_TORCHVISION))
    elif name.startswith(_TIMM):
        from lcsearch.nets.backbones import _timm

        backbone = functools.partial(_timm.build, name.removeprefix(_TIMM))
    elif ":" in name:
        backbone = find_function("backbone", name)
    else:
        backbone = plugins.find(plugins.BACKBONE, name)
    return backbone


def describe(name: str) -> str:
    """One line about a backbone."""
    lines = (find(name).__doc__ or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else ""


def pretrained_form(name: str) -> str:
    """The name of a backbone as it is built for its published weights.

    Torchvision's builders set, for a few nets, more than the weights themselves: what they compute depends on
    it. Such a net has a name of its own, which specs and configs carry.

    Args:
        name: As in `find`.

    Returns:
        ``torchvision:NAME@pretrained``; the name itself where the builder sets nothing.
    """
    if not name.startswith(_TORCHVISION):
        return name
    from lcsearch.nets.backbones import _torchvision

    return _TORCHVISION + _torchvision.pretrained_form(plain_form(name).removeprefix(_TORCHVISION))


def with_head(name: str, head: str) -> str:
    """The name of a backbone in which one layer is new that has not as many outputs as there are classes.

    Args:
        name: As in `find`.
        head: The layer's module name.
    """
    return f"{name}{_HEAD}{head}"


def plain_form(name: str) -> str:
    """The name of a backbone as it is built where nothing is said of published weights, nor of a new head."""
    name = name.partition(_HEAD)[0]
    if not name.startswith(_TORCHVISION):
        return name
    from lcsearch.nets.backbones import _torchvision

    return name.removesuffix(_torchvision.PRETRAINED)


def build(
    name: str, *, num_classes: int, in_channels: int, width: float = 1.0, as_written: bool = False
) -> nn.Module:
    """Build a backbone with fresh weights, on the current default device.

    Args:
        name: As in `find`, or as `with_head` has it.
        num_classes: Outputs, at least 1.
        in_channels: Channels of the images, at least 1.
        width: Factor on the channel counts, above 0; 1 where the backbone takes none.
        as_written: Leave it in its own types, and what it answers as it is.

    Returns:
        A float32 module that maps images (b, in_channels, h, w) to logits (b, num_classes), taken from what
        the net answers (`scores_in`). It is out of what wraps and compiles it.

    Raises:
        InputError: The name or a number is wrong, or the function raises or returns no net, or one that is
            scripted.
    """
    model = call(find(name), name, num_classes=num_classes, in_channels=in_channels, width=width)
    if not as_written:
        from lcsearch.nets.plain_form import in_float32
        from lcsearch.nets.scores import giving_scores

        in_float32(model)
        giving_scores(model)
    return model


def call(
    backbone: Backbone, name: str, *, num_classes: int, in_channels: int, width: float = 1.0
) -> nn.Module:
    """Call a backbone, also one without a name of its own: as `build`, as it is written.

    Args:
        backbone: The function.
        name: What messages call it.
        num_classes: As in `build`.
        in_channels: As in `build`.
        width: As in `build`.
    """
    for setting, value in (("num_classes", num_classes), ("in_channels", in_channels)):
        if value < 1:
            raise InputError(f"{value} is not a positive number", setting=setting)
    if not (math.isfinite(width) and width > 0):
        raise InputError(f"{width} is not a positive number", setting="width")
    arguments: dict[str, float] = {"num_classes": num_classes, "in_channels": in_channels}
    if "width" in parameters(backbone):
        arguments["width"] = width
    elif width != 1:
        problem = f"width is {width:g}, but this net takes no width other than 1"
        raise InputError(problem, setting="backbone", value=name)
    from lcsearch.nets.backbones import _call

    model = _call.made_on_default_device(name, backbone, arguments)
    head = name.partition(_HEAD)[2]
    if head:
        from lcsearch.nets.head import give_outputs

        give_outputs(model, head, num_classes)
    return model

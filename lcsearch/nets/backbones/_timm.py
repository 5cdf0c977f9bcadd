"""Every net of timm, in any number of classes and input channels."""

from __future__ import annotations

from torch import nn

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.packages import require
from lcsearch.nets.standardised import make_ordinary

PREFIX = "timm:"


def check(name: str) -> None:
    """Make sure that timm has a net of a name; nothing is built.

    Args:
        name: timm's name, without the prefix; the tag of its weights may follow, as in ``resnet18.a1_in1k``.

    Raises:
        InputError: It has none, or is not installed.
    """
    require(("timm",), "lcsearch[timm]", "backbone")
    import timm

    architecture, _, tag = name.partition(".")
    known = timm.list_models()
    if architecture not in known:
        advice = did_you_mean(architecture, known)
        if advice.startswith("choose from"):
            advice = f"choose from timm's {len(known)} nets, such as resnet18"
        raise InputError(f"timm has no net {architecture!r}; {advice}", setting="backbone")
    tags = [one.partition(".")[2] for one in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in tags:
        there = did_you_mean(tag, tags) if tags else "there are none of this net"
        raise InputError(f"timm has no weights {tag!r} of {architecture}; {there}", setting="backbone")


def build(name: str, *, num_classes: int, in_channels: int) -> nn.Module:
    """Build a net of timm without weights, in which convolutions with standardised filters are ordinary ones.

    Args:
        name: As in `check`.
        num_classes: Outputs.
        in_channels: Channels of the images.

    Raises:
        InputError: As in `check`.
    """
    check(name)
    import timm

    model: nn.Module = timm.create_model(name, num_classes=num_classes, in_chans=in_channels)
    return make_ordinary(model, timm.layers.ScaledStdConv2d)

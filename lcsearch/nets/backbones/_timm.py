"""Every net of timm, in any number of classes and input channels."""

from __future__ import annotations

from functools import lru_cache

from torch import nn

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.packages import require
from lcsearch.nets.standardised import make_ordinary

PREFIX = "timm:"
_STANDARDISED = ("ScaledStdConv2d", "ScaledStdConv2dSame", "StdConv2d", "StdConv2dSame")


def check(name: str) -> None:
    """Make sure that timm has a net of a name; nothing is built.

    Args:
        name: timm's name, without the prefix; the tag of its weights may follow, as in ``resnet18.a1_in1k``.

    Raises:
        InputError: It has none, or is not installed.
    """
    require(("timm",), "lcsearch[timm]", "backbone")
    architecture, _, tag = name.partition(".")
    known = _names()
    if architecture not in known:
        advice = did_you_mean(architecture, known)
        if advice.startswith("choose from"):
            advice = f"choose from timm's {len(known)} nets, such as resnet18"
        raise InputError(f"timm has no net {architecture!r}; {advice}", setting="backbone")
    if tag and tag not in (tags := _tags(architecture)):
        there = did_you_mean(tag, tags) if tags else "there are none of this net"
        raise InputError(f"timm has no weights {tag!r} of {architecture}; {there}", setting="backbone")


@lru_cache(maxsize=1)  # timm looks at each name of each net at every call, and a search builds many models
def _names() -> tuple[str, ...]:
    import timm

    return tuple(timm.list_models())


def _tags(architecture: str) -> list[str]:
    import timm

    return [one.partition(".")[2] for one in timm.list_models(f"{architecture}.*", pretrained=True)]


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
    return make_ordinary(model, *(getattr(timm.layers, kind) for kind in _STANDARDISED))

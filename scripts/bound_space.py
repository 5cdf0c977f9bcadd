"""The spaces that the measurements search: a backbone's own, with its channels or without."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch

from lcsearch.core.spec import ModelSpec
from lcsearch.nets.surgery import build_model
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space, with_kinds

RECORDED = ("conv", "linear")
"""Families of which trainings are recorded, and which the fits to them know."""
_NOTHING: Mapping[str, Any] = {}


def bound_space(
    plain: ModelSpec,
    image_size: int,
    *,
    channels: bool = True,
    families: Collection[str] | None = RECORDED,
    kinds: Sequence[str] = (),
    own: Mapping[str, Any] = _NOTHING,
) -> BoundSpace:
    """A backbone's own space.

    Args:
        plain: The backbone.
        image_size: Of the images, in pixels.
        channels: Whether channels are searched; else all stay, as before there was such a choice.
        families: The families that are searched; None for all of its own.
        kinds: Families in place of its own, as ``--kinds`` takes them.
        own: What is said of layers beside what it says.
    """
    with torch.device("meta"):
        model = build_model(plain)
    space = load_space(None, plain.backbone)
    said: dict[str, Any] = (with_kinds(space, kinds) if kinds else space).to_plain()
    for rule in said["layers"].values():
        rule["kind"] = [kind for kind in rule["kind"] if families is None or kind in families]
        rule |= own
        if not channels:
            rule["channels"] = 1.0
    space = parse_space(said, f"{plain.backbone} as it is measured")
    return bind(space, model, plain, (plain.in_channels, image_size, image_size))

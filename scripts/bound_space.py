"""The spaces that the measurements search: a backbone's own, with its channels or without."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch

from lcsearch.core.spec import ModelSpec
from lcsearch.nets.surgery import build_model
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space

RECORDED = ("conv", "linear")
"""Families of which trainings are recorded, and which the fits to them know."""


def bound_space(
    plain: ModelSpec, image_size: int, *, channels: bool = True, families: Collection[str] | None = RECORDED
) -> BoundSpace:
    """A backbone's own space.

    Args:
        plain: The backbone.
        image_size: Of the images, in pixels.
        channels: Whether channels are searched; else all stay, as before there was such a choice.
        families: The families that are searched; None for all of its own.
    """
    with torch.device("meta"):
        model = build_model(plain)
    said: dict[str, Any] = load_space(None, plain.backbone).to_plain()
    for rule in said["layers"].values():
        rule["kind"] = [kind for kind in rule["kind"] if families is None or kind in families]
        if not channels:
            rule["channels"] = 1.0
    space = parse_space(said, f"{plain.backbone} as it is measured")
    return bind(space, model, plain, (plain.in_channels, image_size, image_size))

"""The spaces that the measurements search: a backbone's own, with its channels or without."""

from __future__ import annotations

from typing import Any

import torch

from lcsearch.core.spec import ModelSpec
from lcsearch.nets.surgery import build_model
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space


def bound_space(plain: ModelSpec, image_size: int, *, channels: bool = True) -> BoundSpace:
    """A backbone's own space.

    Args:
        plain: The backbone.
        image_size: Of the images, in pixels.
        channels: Whether channels are searched; else all stay, as before there was such a choice.
    """
    with torch.device("meta"):
        model = build_model(plain)
    space = load_space(None, plain.backbone)
    if not channels:
        said: dict[str, Any] = space.to_plain()
        layers = {pattern: {**rule, "channels": 1.0} for pattern, rule in said["layers"].items()}
        space = parse_space(said | {"layers": layers}, f"{plain.backbone} with all channels")
    return bind(space, model, plain, (plain.in_channels, image_size, image_size))

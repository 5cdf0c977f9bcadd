"""Layers that take the place of convolutions, by families: one file a family in ``families/``.

This package knows nothing of nets, data or search. Names here are imported when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcsearch.layers.basis_conv import BasisConv2d
    from lcsearch.layers.layer import FamilyLayer
    from lcsearch.layers.linear_conv import LinearConv2d
    from lcsearch.layers.models import regularization
    from lcsearch.layers.pruning import PRUNE_END, PRUNE_START, prune_coefficients
    from lcsearch.layers.regularize import correlation_loss
    from lcsearch.layers.separable_conv import SeparableConv2d
    from lcsearch.layers.shared_conv import SharedConv2d

_WHERE = {
    "BasisConv2d": "basis_conv",
    "FamilyLayer": "layer",
    "LinearConv2d": "linear_conv",
    "SeparableConv2d": "separable_conv",
    "SharedConv2d": "shared_conv",
    "PRUNE_END": "pruning",
    "PRUNE_START": "pruning",
    "correlation_loss": "regularize",
    "prune_coefficients": "pruning",
    "regularization": "models",
}

__all__ = [
    "PRUNE_END",
    "PRUNE_START",
    "BasisConv2d",
    "FamilyLayer",
    "LinearConv2d",
    "SeparableConv2d",
    "SharedConv2d",
    "correlation_loss",
    "prune_coefficients",
    "regularization",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)

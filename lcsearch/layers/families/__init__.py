"""Layer families, one a file: a module here named X with ``build(conv, spec)`` is the family ``X``."""

from __future__ import annotations

import importlib
import pkgutil

from torch import nn

from lcsearch.core.spec import LayerSpec


def names() -> list[str]:
    """Return the names of all families."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def build(conv: nn.Conv2d, spec: LayerSpec) -> nn.Module:
    """Build a fresh layer that takes the place of a convolution.

    Args:
        conv: The convolution whose arguments, device and dtype the layer gets; its weights are not used.
        spec: The family and its values. A rank above min(s, p) is cut to it.

    Returns:
        The layer, freshly initialised, in the mode (training or evaluation) of ``conv``.

    Raises:
        ValueError: The family is unknown, or a value of the spec is out of its range.
    """
    if spec.family not in names():
        raise ValueError(f"family={spec.family!r} must be one of {', '.join(names())}")
    layer: nn.Module = importlib.import_module(f"{__name__}.{spec.family}").build(conv, spec)
    return layer.train(conv.training)

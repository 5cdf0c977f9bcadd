"""lcsearch: a search that makes CNNs smaller with LinearConv layers.

In your own code: ``lcsearch.load_model("best.safetensors")``, ``lcsearch.convert(my_model, "best.yaml")`` and
``lcsearch.LinearConv2d``. Each is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcsearch.api import convert, load_model
    from lcsearch.layers import LinearConv2d

__version__ = "0.1.0"
__all__ = ["LinearConv2d", "__version__", "convert", "load_model"]

_WHERE = {"LinearConv2d": "lcsearch.layers", "convert": "lcsearch.api", "load_model": "lcsearch.api"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

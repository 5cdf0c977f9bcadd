"""Export formats, one a file: a module here named X is the format ``X`` with these names in it.

``SUFFIX`` is the usual end of a file's name; ``HOLDS_WEIGHTS`` says whether there is anything to run;
``require()`` raises InputError where an optional package is missing; ``write(model, about, path)`` writes the
file; ``read(path)`` returns a function from images (b, c, h, w) to scores (b, classes), run from the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lcsearch.export.source import About

SUFFIXES = {"yaml": ".yaml", "weights": ".safetensors", "conv": ".pt2", "onnx": ".onnx"}
"""Format to the usual end of a file's name."""

FORMATS = tuple(SUFFIXES)


class Format(Protocol):
    """What a format's module offers."""

    HOLDS_WEIGHTS: bool

    def require(self) -> None:
        """Check that the packages it needs are there.

        Raises:
            InputError: One is missing; the message names what to install.
        """

    def write(self, model: nn.Module, about: About, path: Path) -> None:
        """Write a model, which is in evaluation mode and stays as it is, to a file."""

    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
        """Return what the file computes."""


def find(name: str) -> Format:
    """Import the format of this name, one of `FORMATS`."""
    return cast(Format, importlib.import_module(f"{__name__}.{name}"))

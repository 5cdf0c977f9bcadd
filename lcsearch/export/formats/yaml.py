"""The config as YAML: for ``lcsearch run --from``, ``lcsearch.load_model`` and ``lcsearch.convert``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from torch import Tensor, nn

from lcsearch.export.source import About

HOLDS_WEIGHTS = False


def require() -> None:
    """Nothing beyond lcsearch is needed."""


def write(model: nn.Module, about: About, path: Path) -> None:
    """Write the config; the model is not looked at."""
    path.write_text(about.config, encoding="utf-8")


def read(path: Path) -> Callable[[Tensor], NoReturn]:
    """A config has no weights.

    Raises:
        TypeError: Always.
    """
    raise TypeError(f"{path}: a config holds no weights to run")

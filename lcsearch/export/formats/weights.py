"""Weights with the spec inside, as safetensors: for ``lcsearch.load_model``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from lcsearch.core.config import Config, parse_config
from lcsearch.core.errors import InputError
from lcsearch.core.yaml import parse_yaml
from lcsearch.export.packed import pack, unpack
from lcsearch.export.source import About
from lcsearch.nets.tensors import read_tensors

HOLDS_WEIGHTS = True
VERSION = "1"


def require() -> None:
    """Nothing beyond lcsearch is needed."""


def write(model: nn.Module, about: About, path: Path) -> None:
    """Write 4 bytes a parameter and buffer, one bit a coefficient of sparse layers, and the spec."""
    tensors, table = pack(model)
    texts = {"format": "pt", "lcsearch": VERSION, "config": about.config, "input": about.input_json()}
    path.write_bytes(save(tensors, metadata={**texts, "table": table}))


def read(path: Path) -> Callable[[Tensor], Tensor]:
    """Return the model that `lcsearch.load_model` makes of the file."""
    from lcsearch.export.load import load_model

    return load_model(path)


def read_state(path: Path) -> tuple[Config, dict[str, Tensor]]:
    """Read a weights file.

    Returns:
        The config inside, and the weights by the names of ``state_dict``.

    Raises:
        InputError: It is no such file, from a newer version, or damaged.
    """
    tensors, texts = read_tensors(path)
    if "lcsearch" not in texts:
        raise InputError(
            f"{path}: holds no lcsearch spec; files that do are written by 'lcsearch export --format weights'"
        )
    if texts["lcsearch"] != VERSION:
        raise InputError(
            f"{path}: version {texts['lcsearch']!r} is not {VERSION!r}, which this lcsearch reads"
        )
    for key in ("config", "table"):
        if key not in texts:
            raise InputError(f"{path}: is damaged: it has no {key}")
    config = parse_config(parse_yaml(texts["config"], str(path)), str(path))
    return config, unpack(tensors, texts["table"], str(path))

"""Weights with the spec inside, as safetensors: for ``lcsearch.load_model``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from lcsearch.export.formats import ModelFormat
from lcsearch.export.load import VERSION, load_model
from lcsearch.export.packed import pack
from lcsearch.export.source import About


class Weights(ModelFormat):
    """4 bytes a parameter and buffer, one bit a coefficient of sparse layers, and the spec."""

    suffixes = (".safetensors",)

    def write(self, model: nn.Module, about: About, path: Path) -> None:
        """Write the weights."""
        tensors, table = pack(model)
        texts = {"format": "pt", "lcsearch": VERSION, "config": about.config, "input": about.input_json()}
        path.write_bytes(save(tensors, metadata={**texts, "table": table}))

    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
        """Return the model that `lcsearch.load_model` makes of the file."""
        return load_model(path)


FORMAT = Weights()

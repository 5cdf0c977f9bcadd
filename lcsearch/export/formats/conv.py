"""Standard PyTorch layers as a ``torch.export`` program: runs where lcsearch is not installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from lcsearch.export.formats import ModelFormat
from lcsearch.export.graph import standard_program
from lcsearch.export.source import About


class Conv(ModelFormat):
    """A program for batches of any size, with the config and the way to prepare images beside it."""

    suffixes = (".pt2",)
    folds_batch_norm = True

    def write(self, model: nn.Module, about: About, path: Path) -> None:
        """Write the program."""
        program = standard_program(model, about)
        beside = {"config.yaml": about.config, "input.json": about.input_json()}
        with path.open("wb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(program, file, extra_files=beside)

    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
        """Return the program of a file."""
        with path.open("rb") as file:
            module: Callable[[Tensor], Tensor] = torch.export.load(file).module()
        return module


FORMAT = Conv()

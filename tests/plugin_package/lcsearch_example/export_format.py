"""An export format: what ``torch.save`` makes of the weights and the config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from lcsearch.core.config import parse_config
from lcsearch.export.formats import ModelFormat
from lcsearch.export.source import About
from lcsearch.nets.surgery import build_model


class State(ModelFormat):
    """A dictionary of two: ``config`` and ``state``."""

    suffixes = (".pth",)

    def write(self, model: nn.Module, about: About, path: Path) -> None:
        torch.save({"config": about.config, "state": model.state_dict()}, path)

    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
        saved = torch.load(path, weights_only=True)
        model = build_model(parse_config(yaml.safe_load(saved["config"]), str(path)).spec.model)
        model.load_state_dict(saved["state"])
        return model.eval()


STATE = State()

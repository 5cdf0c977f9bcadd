"""Files of weights as other programs leave them, for one small net."""

from __future__ import annotations

import argparse
import pathlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

State = dict[str, Tensor]


class Leaf(nn.Module):
    """Two convolutions, one inside a block, batch norm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 3, 3)
        self.block = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 5, 1, bias=False))
        self.fc = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.fc(self.block(self.stem(x)).mean((2, 3)))
        return scores


def with_prefix(state: Mapping[str, Tensor], prefix: str) -> State:
    """The same tensors, other names."""
    return OrderedDict((prefix + name, value) for name, value in state.items())


def other(state: Mapping[str, Tensor]) -> State:
    """Tensors of the same names and shapes, other numbers."""
    return {name: value + 1 for name, value in state.items()}


def _averaged(net: nn.Module) -> Any:
    return AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9)).state_dict()


def _training(net: nn.Module, key: str, state: Any = None) -> dict[str, Any]:
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(2, 1, 5, 5)).sum().backward()
    optimizer.step()
    net.load_state_dict(first(net))
    return {"step": 7, "optim": optimizer.state_dict(), key: net.state_dict() if state is None else state}


def first(net: nn.Module) -> State:
    """What the net is to be read as: numbers in order, so that each tensor is told from the others."""
    return {
        name: torch.arange(value.numel()).reshape(value.shape).to(value) + place
        for place, (name, value) in enumerate(net.state_dict().items())
    }


def _hyper() -> dict[str, Any]:
    args = argparse.Namespace(lr=0.3, out=pathlib.Path("a") / "b", seen={1, 2})
    best = np.float64(91.5)
    return {"cfg": args, "best": best, "curve": np.arange(3.0), "by": defaultdict(int, a=1), "note": None}


PICKLED: dict[str, tuple[Callable[[nn.Module], Any], str]] = {
    "bare": (lambda net: net.state_dict(), ""),
    "parameters": (lambda net: dict(net.state_dict(), fc_scale=2.0, note="x"), "left out: fc_scale, note"),
    "counter": (lambda net: dict(net.state_dict(), steps=torch.tensor(3)), "left out: steps"),
    "average": (_averaged, "taken: names that begin with 'module.'; left out: n_averaged"),
    "own key": (lambda net: _training(net, "my_student"), "taken: my_student"),
    "deep key": (lambda net: {"run": {"last": net.state_dict()}, "epoch": 2}, "taken: run.last"),
    "hyper": (lambda net: _training(net, "weights") | _hyper(), "taken: weights"),
    "hyper beside": (lambda net: net.state_dict() | {"cfg": _hyper()["cfg"]}, "left out: cfg"),
    "only average": (
        lambda net: {"shadow_ema": _averaged(net)},
        "taken: shadow_ema, names that begin with 'module.'; left out: n_averaged",
    ),
    "with average": (
        lambda net: {"ema": other(net.state_dict()), "generator": net.state_dict()},
        "taken: generator; not taken, though it fits as well: ema",
    ),
    "trainer": (
        lambda net: {
            "hyper_parameters": _hyper(),
            "state_dict": with_prefix(net.state_dict(), "encoder._orig_mod.")
            | {"loss.weight": torch.ones(4)},
        },
        "taken: state_dict, names that begin with 'encoder._orig_mod.'; left out: loss.weight",
    ),
    "counted by thop": (
        lambda net: dict(net.state_dict(), **{"stem.total_ops": torch.zeros(1, dtype=torch.float64)}),
        "left out: stem.total_ops",
    ),
}
"""What is pickled, and what is said of it."""

SAFE: dict[str, tuple[str, str]] = {
    "plain": ("", ""),
    "parallel": ("module.", "taken: names that begin with 'module.'"),
    "trainer": ("net.body.", "taken: names that begin with 'net.body.'"),
}
"""Prefixes of names in a safetensors file, and what is said of them."""


def write_safe(state: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file."""
    save_file(dict(state), path)

"""Spaces of small nets and of the backbones, and a trial that answers at random."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from block_net import Blocks
from torch import nn

from lcsearch.core.spec import ModelSpec
from lcsearch.nets import surgery
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space

ALPHA = {"low": 1 / 64, "high": 1.0, "log": True}


THIN = {"low": 0.1, "high": 1.0, "log": True}

EVERYTHING = {
    "kind": ["conv", "linear"],
    "alpha": ALPHA,
    "coefficients": ["full", "low_rank", "sparse"],
    "rank_ratio": {"low": 0.05, "high": 1.0},
    "sparsity": {"low": 0.1, "high": 0.95},
}


FAMILIES = EVERYTHING | {
    "kind": ["conv", "linear", "separable"],
    "terms": {"low": 1, "high": 9},
    "pointwise": ["full", "low_rank"],
}


SHARED = {
    "kind": ["conv", "linear", "shared"],
    "alpha": ALPHA,
    "shared": {"low": 0.01, "high": 1.0, "log": True},
    "unique": {"low": 0.0, "high": 1.0},
}


ALPHA_ALONE = {
    "version": 1,
    "backbone": "*",
    "layers": {"features.0": {"kind": "conv"}, "*": {"kind": "linear", "alpha": ALPHA}},
}


class Tiny(nn.Module):
    """Convolutions with and without bias, groups and a 1x1 kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.grouped = nn.Conv2d(6, 10, 3, 2, 1, groups=2, bias=False)
        self.point = nn.Conv2d(10, 10, 1)
        self.head = nn.Linear(10, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.point(self.grouped(self.first(x))).mean((2, 3)))


def bind_tiny(rules: dict[str, Any], **more: Any) -> BoundSpace:
    space = parse_space({"version": 1, "backbone": "*", "layers": rules, **more}, "f")
    return bind(space, Tiny(), ModelSpec("tiny", 10, 3))


def three_layers() -> BoundSpace:
    """Alphas of three convolutions that no net holds together: sizes come from arithmetic alone."""
    with torch.device("meta"):
        net = nn.ModuleList(nn.Conv2d(size, 1024, 1, bias=False) for size in (2048, 8192, 32_768))
    rule = {"kind": ["linear"], "alpha": {"low": 0.001, "high": 1.0, "log": True}}
    plain = {"version": 1, "backbone": "*", "layers": {"*": rule}, "regularizer": {"weight": 0.0}}
    return bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 4))


def bind_blocks(rule: dict[str, Any], **more: Any) -> BoundSpace:
    space = parse_space({"version": 1, "backbone": "*", "layers": {"*": rule}, **more}, "f")
    return bind(space, Blocks(), ModelSpec("blocks", 10, 3))


def bind_backbone(name: str, channels: int = 3, **more: Any) -> BoundSpace:
    template = ModelSpec(name, 10, channels)
    with torch.device("meta"):
        model = surgery.build_model(template)
    space = load_space(None, name)
    return bind(parse_space(space.to_plain() | more, "f"), model, template)


def thin_backbone(name: str, round_to: int = 8, **more: Any) -> BoundSpace:
    """The backbone's own space with channels searched in every rule."""
    layers = load_space(None, name).to_plain()["layers"]
    thin = {pattern: rule | {"channels": THIN, "round_to": round_to} for pattern, rule in layers.items()}
    return bind_backbone(name, layers=thin, **more)


class Random:
    """A trial that answers at random, and keeps its answers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.params: dict[str, Any] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: None = None, log: bool = False
    ) -> float:
        value = (
            math.exp(self.rng.uniform(math.log(low), math.log(high))) if log else self.rng.uniform(low, high)
        )
        return self.params.setdefault(name, min(max(value, low), high))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return self.params.setdefault(name, self.rng.randint(low, high))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self.params.setdefault(name, self.rng.choice(choices))


OF_BACKBONES = {
    "vgg11": lambda: bind_backbone("vgg11"),
    "mobilenetv2": lambda: bind_backbone("mobilenetv2"),
    "vgg11 by stage": lambda: bind_backbone("vgg11", granularity="stage"),
    "resnext29 as one": lambda: bind_backbone("resnext29", granularity="network"),
    "thin vgg11": lambda: thin_backbone("vgg11"),
    "thin mobilenetv2 by stage": lambda: thin_backbone("mobilenetv2", granularity="stage"),
    "thin resnet18 as one": lambda: thin_backbone("resnet18", granularity="network"),
}

_MADE = {
    "everything": lambda: bind_tiny({"*": EVERYTHING}),
    "absolute rank": lambda: bind_tiny(
        {"*": {"coefficients": ["low_rank"], "rank": {"low": 1, "high": 9}, "alpha": ALPHA, "kind": "linear"}}
    ),
    "narrow": lambda: bind_tiny(
        {"*": {"kind": "linear", "alpha": {"low": 0.3, "high": 0.45}, "coefficients": ["sparse"]}}
    ),
    "channels": lambda: bind_tiny({"*": EVERYTHING | {"channels": THIN}}),
    "a bottom for channels": lambda: bind_tiny({"*": EVERYTHING | {"channels": {"low": 0.35, "high": 0.8}}}),
    "families": lambda: bind_tiny({"*": FAMILIES}, shrink={"low": 0.1, "high": 1.0, "log": True}),
    "families and channels": lambda: bind_tiny(
        {"*": FAMILIES | {"channels": THIN}}, shrink={"low": 0.3, "high": 1.0}
    ),
    "separable alone, at least two terms, as one": lambda: bind_tiny(
        {"*": FAMILIES | {"kind": "separable", "terms": {"low": 2, "high": 4}}}, granularity="network"
    ),
    "shared, linear or plain": lambda: bind_blocks(
        SHARED, shrink={"low": 0.3, "high": 1.0}, regularizer={"weight": 0.1, "off": True}
    ),
    "shared alone, thinned, by stage": lambda: bind_blocks(
        SHARED | {"kind": "shared", "share_by": "position", "channels": THIN}, granularity="stage"
    ),
    "shrink": lambda: bind_tiny({"*": EVERYTHING}, shrink={"low": 0.01, "high": 1.0, "log": True}),
    "recipe": lambda: bind_tiny(
        {"first": EVERYTHING},
        regularizer={"weight": {"low": 1e-5, "high": 0.1, "log": True}, "off": True},
        train={"lr": {"low": 0.01, "high": 1.0, "log": True}, "crop": {"low": 0, "high": 4}, "momentum": 0.8},
    ),
    "stage": lambda: bind_tiny({"*": EVERYTHING}, granularity="stage"),
    "network": lambda: bind_tiny({"*": EVERYTHING}, granularity="network"),
    **OF_BACKBONES,
}

SPACES = {name: cache(make) for name, make in _MADE.items()}
"""Each is bound once in a process: that takes most of the time of what is asked of it."""

"""What ``bench_init.py`` compares: models of a given size, compressed, thinner or pruned."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import NORM_IMAGES, first_images
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.data import SearchData, load
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model
from lcsearch.search.proposals.guided import best_for_budgets
from lcsearch.search.space import BoundSpace, bind, load_space
from lcsearch.train.fine_tune import fine_tune_recipe
from lcsearch.train.start import Start

DATASET, TRAIN_IMAGES, VALIDATION_IMAGES, CLASSES, CHANNELS = "fashion-mnist", 10_000, 5_000, 10, 1
BACKBONE_EPOCHS = 3
SEEDS = 3
SIZES = {"1/4": 1 / 4, "1/16": 1 / 16}
DISTILL = 0.5


def arms(epochs: int, more: bool) -> Iterator[tuple[str, str, str, float]]:
    """Kind, shape, fit and distillation of what is compared after some epochs: what matters most, or more."""
    return _more(epochs) if more else _most(epochs)


def _most(epochs: int) -> Iterator[tuple[str, str, str, float]]:
    """What is guided by sensitivity, and what stands beside it."""
    yield "cut", "guided", "responses", 0.0
    if epochs:
        yield "cut", "guided", "responses", DISTILL
    yield "cut", "pruned", "", 0.0
    yield from (("scratch", shape, "", 0.0) for shape in ("thinner", "guided"))


def _more(epochs: int) -> Iterator[tuple[str, str, str, float]]:
    """One alpha for all layers, and fitting to filters."""
    yield "cut", "uniform", "responses", 0.0
    if epochs:
        yield "cut", "uniform", "responses", DISTILL
    if epochs < 3:
        yield from (("cut", shape, "filters", 0.0) for shape in ("uniform", "guided"))
    yield "scratch", "uniform", "", 0.0


@cache
def images(size: int) -> SearchData:
    return load(DATASET, train_images=TRAIN_IMAGES, validation_images=VALIDATION_IMAGES, image_size=size)


def plain(backbone: str, width: float = 1.0) -> ModelSpec:
    return ModelSpec(backbone, CLASSES, CHANNELS, width)


@cache
def bound(backbone: str) -> BoundSpace:
    template = plain(backbone)
    with torch.device("meta"):
        model = build_model(template)
    return bind(load_space(None, backbone), model, template)


def params(spec: ModelSpec) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_model(spec).parameters())


def budget(backbone: str, size: str) -> int:
    return round(params(plain(backbone)) * SIZES[size])


def uniform(backbone: str, size: str) -> ModelSpec:
    """One alpha for all layers but the first, which stays plain."""
    shapes = bound(backbone).shapes(())

    def spec(alpha: float) -> ModelSpec:
        made = {name: FAMILY.canonical(shape, LinearSpec(alpha)) for name, shape in list(shapes.items())[1:]}
        return replace(plain(backbone), layers={k: v for k, v in made.items() if v is not None})

    return spec(nearest(lambda alpha: params(spec(alpha)), budget(backbone, size)))


def thinner(backbone: str, size: str) -> ModelSpec:
    """The plain net with fewer filters in every layer."""
    wanted = budget(backbone, size)
    return plain(backbone, round(nearest(lambda width: params(plain(backbone, width)), wanted), 4))


def guided(backbone: str, size: str, start: Start) -> ModelSpec:
    """What the layers' sensitivity promises to lose the least, a bit above the size if need be."""
    wanted = [round(budget(backbone, size) * (1 + step / 50)) for step in range(26)]
    return best_for_budgets(start.read_sensitivity(), bound(backbone), wanted)[0]


def pruned(net: nn.Module, backbone: str, size: str, data: SearchData) -> nn.Module:
    """The trained net without its filters of the smallest norm: the same share of every layer's.

    Which is what torch-pruning calls magnitude pruning (arXiv 2301.12900), coupled layers together.
    """
    wanted = budget(backbone, size)
    ratio = nearest(lambda kept: numbers(_pruned(net, kept, data.info.image_size)), wanted)
    model = _pruned(net, ratio, data.info.image_size)
    reestimate(model, first_images(data, NORM_IMAGES))
    return model


def _pruned(net: nn.Module, kept: float, image_size: int) -> nn.Module:
    import torch_pruning

    model = copy.deepcopy(net).requires_grad_(True)
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    torch_pruning.pruner.MagnitudePruner(
        model,
        torch.zeros(1, CHANNELS, image_size, image_size),
        importance=torch_pruning.importance.MagnitudeImportance(p=2),
        pruning_ratio=1 - kept,
        ignored_layers=[last],
    ).step()
    return model


def numbers(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def nearest(size: Callable[[float], int], wanted: int, steps: int = 14) -> float:
    """The share in (0, 1) whose size is nearest to the wanted one; the size grows with the share."""
    low, high = 0.0, 1.0
    best, error = 1.0, abs(size(1.0) - wanted)
    for _ in range(steps):
        middle = (low + high) / 2
        found = size(middle)
        if abs(found - wanted) < error:
            best, error = middle, abs(found - wanted)
        low, high = (middle, high) if found < wanted else (low, middle)
    return best


def fine_tuning(epochs: int, distill: float = 0.0) -> Recipe:
    return fine_tune_recipe(Recipe(epochs=BACKBONE_EPOCHS), epochs, distill=distill)


def size_of(model: nn.Module, image_size: int) -> tuple[int, int]:
    found = count(model, (CHANNELS, image_size, image_size))
    return found.params, found.macs


def folder(records: Path, backbone: str, image_size: int, seed: int) -> Path:
    """Where a trained backbone, its outputs and its layers' sensitivity lie."""
    return records.with_suffix(".starts") / f"{backbone}-{image_size}-seed-{seed}"

"""What ``bench_init.py`` compares: models of a given size, compressed, thinner or pruned."""

from __future__ import annotations

import copy
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import torch
from bound_space import RECORDED, bound_space
from torch import nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import NORM_IMAGES, first_images
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.data import SearchData, load
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model
from lcsearch.search.proposals.descent import best_seen
from lcsearch.search.proposals.guided import best_for_budgets
from lcsearch.search.proposals.handpicked import thinner_of
from lcsearch.search.space import BoundSpace
from lcsearch.train.fine_tune import fine_tune_recipe
from lcsearch.train.start import Start

DATASET, TRAIN_IMAGES, VALIDATION_IMAGES = "fashion-mnist", 10_000, 5_000
BACKBONE_EPOCHS = 3
SEEDS = 3
SIZES = {"vgg11": ("1/4", "1/16", "1/64"), "base": ("1/4", "1/16")}
DISTILL = 0.5
ABOVE = 1.5
"""What is guided may be so many times larger than the size, where the space holds nothing smaller."""
Training = tuple[int, float]
"""Epochs, and the share of the loss that comes from the backbone's outputs."""
DISTILLED: tuple[Training, ...] = ((1, DISTILL), (3, DISTILL))
ALONE: tuple[Training, ...] = ((1, 0.0), (3, 0.0))


@dataclass(frozen=True)
class Images:
    """Which images everything is trained and judged on.

    Attributes:
        dataset: A name that ``--dataset`` takes.
        data_dir: Where its files are; None for the usual places.
        train: Training images.
        validation: Validation images; None for the data set's own share.
    """

    dataset: str = DATASET
    data_dir: str | None = None
    train: int = TRAIN_IMAGES
    validation: int | None = VALIDATION_IMAGES

    @classmethod
    def asked(cls, arguments: Namespace) -> Images:
        """What the options of `image_options` say."""
        own = (arguments.dataset, arguments.data_dir, arguments.train_images, arguments.validation_images)
        return cls(*own)

    def load(self, size: int) -> SearchData:
        """The images at a size in pixels, read once per process."""
        return _load(self, size)


def image_options(parser: ArgumentParser) -> None:
    """Add options that say which images everything is trained and judged on."""
    parser.add_argument("--dataset", default=DATASET)
    parser.add_argument("--data-dir", help="where the data set's files are")
    parser.add_argument("--train-images", type=int, default=TRAIN_IMAGES)
    parser.add_argument("--validation-images", type=int, default=VALIDATION_IMAGES)


@cache
def _load(images: Images, size: int) -> SearchData:
    return load(
        images.dataset,
        data_dir=images.data_dir,
        train_images=images.train,
        validation_images=images.validation,
        image_size=size,
    )


def arms(more: bool, fastnas: bool) -> Iterator[tuple[str, str, str, tuple[Training, ...]]]:
    """Kind, shape, choice of channels and trainings of what is compared: what matters most, or more.

    What is cut out is also measured as it is. From scratch the backbone's epochs come on top.
    """
    if not more:
        for shape in ("guided", "guided separable", "separable", "thinner", "pruned", "alpha"):
            yield "cut", shape, "", ((0, 0.0), *DISTILLED)
        for shape in ("guided", "guided separable", "separable", "thinner"):
            yield "scratch", shape, "", DISTILLED
        if fastnas:
            yield "cut", "fastnas", "", ((0, 0.0), *DISTILLED)
    else:
        for shape in ("guided", "thinner"):
            yield "scratch", shape, "", ALONE
        for shape in ("guided", "separable", "thinner", "pruned", "alpha"):
            yield "cut", shape, "", ALONE
        for shape in ("guided", "thinner"):
            yield "scratch", shape, "", ((0, DISTILL), (0, 0.0))
        yield "scratch", "alpha", "", DISTILLED
        for how in ("magnitude", "magnitude_solved"):
            yield "cut", "thinner", how, ((0, 0.0), (1, DISTILL))


@dataclass(frozen=True)
class Net:
    """A backbone on images of a size, and the models that are made of it.

    Attributes:
        backbone: Its name.
        image_size: In pixels.
        images: Of which data set.
    """

    backbone: str
    image_size: int
    images: Images

    @property
    def data(self) -> SearchData:
        """The images."""
        return self.images.load(self.image_size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.data.info.in_channels, self.image_size, self.image_size

    @property
    def plain(self) -> ModelSpec:
        """The backbone itself."""
        return ModelSpec(self.backbone, self.data.info.num_classes, self.data.info.in_channels)

    def bound(self, shape: str = "") -> BoundSpace:
        """The backbone's own space, or what is left of it for alphas alone."""
        return _bound(self, shape != "alpha")

    def budget(self, size: str) -> int:
        """Parameters of a model of a size."""
        return round(self.params(self.plain) * float(Fraction(size)))

    def params(self, spec: ModelSpec) -> int:
        """Parameters of a model."""
        with torch.device("meta"):
            return numbers(build_model(spec))

    def made(self, shape: str, size: str, start: Start) -> ModelSpec:
        """A model of a size, of one of the shapes that a spec can describe."""
        if shape == "thinner":
            return self.thinner(size)
        if shape == "separable":
            return self.separable(size)
        return self.guided(size, start, shape)

    def reaches(self, shape: str, size: str) -> bool:
        """Whether the space holds so small a model: with all channels it may not."""
        if shape not in ("guided", "alpha"):
            return True
        bound = self.bound(shape)
        return bound.params(bound.smallest()) <= ABOVE * self.budget(size)

    def thinner(self, size: str) -> ModelSpec:
        """The plain net with one share of channels in all groups."""
        bound, wanted = self.bound(), self.budget(size)
        return bound.thinner(nearest(lambda share: bound.params(bound.thinner(share)), wanted))

    def separable(self, size: str) -> ModelSpec:
        """The net with all layers separable that may be, and one share of channels in all groups."""
        bound, wanted = self.bound(), self.budget(size)

        def made(share: float) -> ModelSpec:
            return thinner_of(bound, "separable", share)

        return made(nearest(lambda share: bound.params(made(share)), wanted))

    def guided(self, size: str, start: Start, shape: str) -> ModelSpec:
        """What the sensitivity promises to lose the least, a bit above the size if need be."""
        wanted = [round(budget) for budget in np.linspace(1, ABOVE, 11) * self.budget(size)]
        bound, sensitivity = self.bound(shape), start.read_sensitivity()
        if shape == "guided separable":
            own = tuple(row for row in sensitivity.rows if row.way.spec.family == "separable")
            sensitivity = replace(sensitivity, rows=own)
        best = best_seen if bound.thinning.choices else best_for_budgets
        found = best(sensitivity, bound, wanted)
        if not found:
            raise ValueError(f"{self.backbone}: no model of about {self.budget(size)} parameters")
        return found[0]

    def pruned(self, net: nn.Module, size: str) -> nn.Module:
        """The trained net without its filters of the smallest norm: the same share of every layer's.

        Which is what torch-pruning calls magnitude pruning (arXiv 2301.12900), coupled layers together.
        """
        wanted, shape = self.budget(size), self.shape
        model = _pruned(net, nearest(lambda kept: numbers(_pruned(net, kept, shape)), wanted), shape)
        reestimate(model, first_images(self.data, NORM_IMAGES))
        return model

    def size_of(self, model: nn.Module) -> tuple[int, int]:
        """Parameters and multiply-accumulates."""
        found = count(model, self.shape)
        return found.params, found.macs

    def start(self, folder: Path, seed: int) -> Start:
        """Where a trained backbone, its outputs and its layers' sensitivity lie."""
        return Start(folder / f"{self.backbone}-{self.image_size}-seed-{seed}")


@cache
def _bound(net: Net, channels: bool) -> BoundSpace:
    families = None if channels else RECORDED
    return bound_space(net.plain, net.image_size, channels=channels, families=families)


def _pruned(net: nn.Module, kept: float, shape: tuple[int, int, int]) -> nn.Module:
    import torch_pruning

    model = copy.deepcopy(net).requires_grad_(True)
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    torch_pruning.pruner.MagnitudePruner(
        model,
        torch.zeros(1, *shape),
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


def fine_tuning(training: Training) -> Recipe:
    """How a model is trained on that was cut out."""
    epochs, distill = training
    return fine_tune_recipe(Recipe(epochs=BACKBONE_EPOCHS), epochs, distill=distill)


def from_scratch(training: Training) -> Recipe:
    """How a model is trained from nothing, for as long as the backbone and a fine-tuning together."""
    epochs, distill = training
    return Recipe(epochs=BACKBONE_EPOCHS + epochs, distill=distill)

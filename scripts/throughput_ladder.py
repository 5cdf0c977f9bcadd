"""A training loop as one writes it by hand, and the same with what makes lcsearch's faster: each, and all.

What ``bench_throughput.py --ladder`` times. By hand is torchvision's transforms and a ``DataLoader``,
float32, SGD as it comes, LinearConv as published with its correlation loss in every step, and an accuracy
that is looked at batch by batch.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing import get_context
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from hand_written_search import LinearConv
from hand_written_search import vgg11 as vgg11_by_hand
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import Compose, Normalize, RandomCrop, ToTensor

from lcsearch.core.autocast import arithmetic
from lcsearch.core.freed_memory import keep_freed_memory
from lcsearch.core.spec import ModelSpec, Precision, Recipe, Regularizer
from lcsearch.data import Batches, SearchData, Split
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets.layout import channels_last
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.surgery import build_model
from lcsearch.train import train
from lcsearch.train.evaluate import evaluate
from lcsearch.train.optimizer import make_optimizer, penalty

HAND, ALL, OURS = "by hand", "all of it", "lcsearch"
STEPS: Mapping[str, str] = {
    "layers": "LinearConv in the cheaper of its two ways, pooling before the ReLU",
    "regularizer": "the correlation loss in every 10th step alone",
    "memory": "freed memory is kept",
    "images": "images in memory, a batch moved and normalised in one pass",
    "layout": "channels-last",
    "optimizer": "SGD in one pass over each parameter",
    "few products": "convolutions by Winograd's filtering",
    "bfloat16": "forward and backward in bfloat16 autocast",
    "evaluation": "validation images in memory, by 100, one look at the end",
}
OF_LINEAR = ("layers", "regularizer")
"""What a plain net has not."""
CROP, CLASSES, RATE = 2, 10, 0.01


@dataclass(frozen=True)
class Side:
    """What is trained, and how.

    Attributes:
        steps: Of `STEPS`, what is done otherwise than by hand.
        alpha: Of the net's convolutions but the first; 1 for the plain net.
        whole: Whether lcsearch itself trains.
        precision: Of ``bfloat16`` and of lcsearch.
    """

    steps: frozenset[str]
    alpha: float
    whole: bool = False
    precision: Precision = "bfloat16"


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's data sets give them: a transform of each PIL picture."""

    def __init__(self, split: Split, transform: Compose) -> None:
        self._pixels, self._labels = split.images[:, 0].numpy(), split.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return self._transform(Image.fromarray(self._pixels[place])), self._labels[place]


class Loop:
    """A loop by hand with some steps of the ladder; the net and the images stay from epoch to epoch."""

    def __init__(self, side: Side, data: SearchData, batch: int) -> None:
        self._steps, self._data, self._batch = side.steps, data, batch
        if "memory" in side.steps:
            keep_freed_memory()
        self._net = net_of(side)
        if "layout" in side.steps:
            channels_last(self._net, torch.device("cpu"))
        recipe = Recipe(lr=RATE, batch_size=batch)
        self._recipe, self._regularizer = recipe, Regularizer(weight=0.01 * (side.alpha < 1))
        fused = "optimizer" in side.steps
        self._optimizer = make_optimizer(self._net, recipe) if fused else plain_sgd(self._net)
        self._precision: Precision = "bfloat16" if "bfloat16" in side.steps else "float32"
        self._generator = torch.Generator().manual_seed(0)

    def epoch(self) -> None:
        """Train on all images and look at the accuracy."""
        self._net.train()
        fast = "few products" in self._steps
        with fast_convolutions(self._net, "cpu") if fast else nullcontext():
            for step, (images, labels) in enumerate(self._batches()):
                with arithmetic(self._precision, "cpu"):
                    scores = self._net(images)
                loss = F.cross_entropy(scores.float(), labels) + self._penalty(step)
                self._optimizer.zero_grad()
                loss.backward()
                self._optimizer.step()
            if "evaluation" not in self._steps:
                self._accuracy()
        if "evaluation" in self._steps:
            evaluate(self._net, self._data.validation, self._data.info)

    def _batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        if "images" in self._steps:
            data, size = self._data, self._batch
            return Batches(data.train, data.info, size, augment=True, crop=CROP).epoch(self._generator)
        moved = Compose([RandomCrop(self._data.info.image_size, CROP), *as_tensor(self._data)])
        return DataLoader(Pictures(self._data.train, moved), self._batch, shuffle=True, drop_last=True)

    def _penalty(self, step: int) -> Tensor | float:
        if self._regularizer.weight == 0 or ("regularizer" in self._steps and step % 10):
            return 0.0
        if "layers" in self._steps:
            return penalty(self._net, self._recipe, self._regularizer, 0)
        own = [module.primary for module in self._net.modules() if isinstance(module, LinearConv)]
        return 0.01 * torch.stack([correlation(primary) for primary in own]).sum()

    @torch.no_grad()
    def _accuracy(self) -> float:
        self._net.eval()
        judges = DataLoader(Pictures(self._data.validation, Compose(as_tensor(self._data))), self._batch)
        right = sum(float((self._net(images).argmax(1) == labels).sum()) for images, labels in judges)
        return 100 * right / len(self._data.validation)


class Whole:
    """lcsearch's own training, an epoch of a longer one at a time."""

    def __init__(self, side: Side, data: SearchData, batch: int) -> None:
        keep_freed_memory()
        self._net, self._data = net_of(side), data
        self._recipe = Recipe(epochs=1, lr=RATE, batch_size=batch, crop=CROP, precision=side.precision)
        self._regularizer = Regularizer(weight=0.01 * (side.alpha < 1))

    def epoch(self) -> None:
        """Train on all images and look at the accuracy."""
        train(self._net, self._data, self._recipe, self._regularizer, seed=0)


def net_of(side: Side) -> nn.Module:
    """A `vgg11`: of lcsearch's layers, or of those by hand."""
    spec = spec_of("vgg11", side.alpha)
    if side.alpha == 1 or "layers" in side.steps:
        return build_model(spec)
    convs = conv_layers(build_model(spec_of("vgg11", 1)))
    return vgg11_by_hand([max(1, round(side.alpha * convs[name].out_channels)) for name in spec.layers])


def spec_of(backbone: str, alpha: float) -> ModelSpec:
    """A net with one alpha in all its convolutions but the first; 1 for the plain net."""
    plain = ModelSpec(backbone, CLASSES, 1)
    if alpha == 1:
        return plain
    later = list(conv_layers(build_model(plain)))[1:]
    return replace(plain, layers={name: LinearSpec(alpha) for name in later})


def plain_sgd(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)


def as_tensor(data: SearchData) -> list[Any]:
    return [ToTensor(), Normalize(list(data.info.mean), list(data.info.std))]


def correlation(primary: Tensor) -> Tensor:
    """Pearson's correlations of filters (p, c, 3, 3), but for each with itself: the mean of their sizes."""
    count = len(primary)
    off = torch.corrcoef(primary.flatten(1)) - torch.eye(count)
    return off.abs().sum() / (count * (count - 1))


_loops: dict[Side, Loop | Whole] = {}
"""In a process: what has been made there, and trained once to warm up."""


def seconds(side: Side, data: SearchData, batch: int, threads: int) -> float:
    """Seconds of the processor for an epoch of a side, in the process that it lives in."""
    if side not in _loops:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        _loops[side] = Whole(side, data, batch) if side.whole else Loop(side, data, batch)
        _loops[side].epoch()
    begin = time.process_time()
    _loops[side].epoch()
    return time.process_time() - begin


def sides(alpha: float, precision: Precision) -> dict[str, Side]:
    """What is compared, by name; bfloat16 is part of all of it where lcsearch would choose it."""
    steps = [step for step in STEPS if alpha < 1 or step not in OF_LINEAR]
    every = frozenset(step for step in steps if step != "bfloat16" or precision == "bfloat16")
    alone = {step: Side(frozenset({step}), alpha) for step in steps}
    whole = Side(frozenset({"layers"}), alpha, whole=True, precision=precision)
    return {HAND: Side(frozenset(), alpha), **alone, ALL: Side(every, alpha), OURS: whole}


def ladder(
    alpha: float, precision: Precision, data: SearchData, batch: int, threads: int, repeats: int
) -> dict[str, list[float]]:
    """By name, how many times the images per second by hand each side has, one number for each repeat.

    All sides take turns, in random order; those that keep freed memory do so in a process of their own.
    """
    chance, ratios = random.Random(0), dict[str, list[float]]()
    compared = sides(alpha, precision)
    with processes() as (usual, keeping):
        for _ in range(repeats):
            took = {}
            for name in chance.sample(list(compared), len(compared)):
                side = compared[name]
                pool = keeping if side.whole or "memory" in side.steps else usual
                took[name] = pool.submit(seconds, side, data, batch, threads).result()
            for name in compared:
                ratios.setdefault(name, []).append(took[HAND] / took[name])
    return ratios


@contextmanager
def processes() -> Iterator[Sequence[ProcessPoolExecutor]]:
    """Two processes on one core, where cores can be chosen."""
    with ExitStack() as stack:
        pools = [ProcessPoolExecutor(1, get_context("spawn"), initializer=stay_on_one_core) for _ in range(2)]
        yield [stack.enter_context(pool) for pool in pools]


def stay_on_one_core() -> None:
    """Keep this process on the first core that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def lines(ratios: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """A row for each side: the median of its ratios, the least and the largest."""
    yield "side            images per second over those by hand"
    for name, own in ratios.items():
        about = f"  {STEPS[name]}" if name in STEPS else ""
        yield f"{name:14} {median(own):6.2f}  {min(own):.2f} to {max(own):.2f}{about}"

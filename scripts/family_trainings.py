"""What ``bench_families.py`` trains: a backbone of which every layer that may be is of one family."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial

import init_contenders as contenders
import init_trainings as trainings
import torch
from bound_space import bound_space
from family_rules import RULES
from init_contenders import Net, nearest
from work_off import Line

from lcsearch.core.spec import ModelSpec
from lcsearch.search.proposals.handpicked import uniform_of
from lcsearch.search.space import BoundSpace
from lcsearch.train.start import Start, write_teacher_of

SIZES = ("1/16", "1/4", "1/2")
"""Shares of the backbone's parameters."""
ARMS = {
    "cut": ("thinner", "linear", "basis, fitted", "basis, trained", "shared", "separable"),
    "scratch": ("thinner", "linear", "basis, random", "basis, trained", "shared", "separable"),
}
BY_CHANNELS = ("thinner", "separable")
"""Nets whose size is set by one share of all channels; the others have all channels."""
TRAINING = (1, contenders.DISTILL)
"""Epochs of fine-tuning, and what of the loss comes from the backbone's outputs."""
NEAR = 1.1
"""A net may be so many times larger or smaller than the size."""


@dataclass(frozen=True)
class FamilyNet(Net):
    """A backbone, and the nets of its sizes."""

    def budget(self, size: str) -> int:
        """Parameters of a model of a size."""
        return round(self.params(self.plain) * Fraction(size))

    def params(self, spec: ModelSpec) -> int:
        """Numbers that a model stores, a bank that does not train included."""
        return self.bound().params(spec)

    def made(self, shape: str, size: str, start: Start) -> ModelSpec:
        """The model of a size: thinner, thinner with separable layers, or with layers of one family."""
        del start  # nothing that the backbone learned decides
        return _made(self, shape, size)

    def reaches(self, shape: str, size: str) -> bool:
        """Whether there is a model of about the size, other than the plain backbone."""
        model = _made(self, shape, size)
        off = math.log(self.params(model) / self.budget(size))
        return model != self.plain and abs(off) <= math.log(NEAR)


@cache
def _made(net: FamilyNet, shape: str, size: str) -> ModelSpec:
    if shape in BY_CHANNELS:
        return net.separable(size) if shape == "separable" else net.thinner(size)
    family, bound, wanted = RULES[shape][0], _bound(net, shape), net.budget(size)
    share = nearest(lambda share: bound.params(uniform_of(bound, family, share)), wanted)
    return uniform_of(bound, family, share)


@cache
def _bound(net: FamilyNet, shape: str) -> BoundSpace:
    family, own = RULES[shape]
    return bound_space(
        net.plain, net.image_size, channels=False, families=None, kinds=("conv", family), own=own
    )


@dataclass(frozen=True)
class Task(trainings.Task):
    """A training of one net."""

    @property
    def net(self) -> FamilyNet:
        """The backbone."""
        return FamilyNet(self.what.backbone, self.what.image_size, self.where.images)


def tasks(
    backbones: Sequence[str], sizes: Sequence[str], seeds: int, image_size: int, where: trainings.Where
) -> Iterator[Task]:
    """Every training: of each seed the backbones first, then the smallest nets."""
    for seed in range(seeds):
        what = partial(trainings.What, seed=seed, how="", image_size=image_size)
        for backbone in backbones:
            yield Task(what(backbone, kind="backbone", shape="plain", size="1"), ((0, 0.0),), where)
        for size in sizes:
            for backbone in backbones:
                net = FamilyNet(backbone, image_size, where.images)
                for kind, shapes in ARMS.items():
                    for shape in (shape for shape in shapes if net.reaches(shape, size)):
                        yield Task(what(backbone, kind=kind, shape=shape, size=size), (TRAINING,), where)


def do(task: Task) -> Sequence[Line]:
    """Do a task and return its lines."""
    if task.what.kind != "backbone":
        return trainings.do(task)
    torch.set_num_threads(1)
    begin, start = time.perf_counter(), task.start
    trainings.train_backbone(task)
    recipes = {start.scratch_teacher: contenders.from_scratch, start.teacher: contenders.fine_tuning}
    for path, recipe in recipes.items():
        write_teacher_of(
            start,
            task.net.plain,
            task.net.data,
            recipe(TRAINING),
            path=path,
            seed=task.what.seed,
            device=task.where.device,
        )
    return trainings.backbone_lines(task, begin)

"""What ``bench_ranking.py`` measures: random models of a space before any training, and after fine-tuning."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import family_trainings
import init_contenders as contenders
import numpy as np
import torch
from bound_space import bound_space
from family_trainings import FamilyNet
from init_trainings import What, Where
from shared_net import NORM_IMAGES, SharedNet, Teaching, teach
from torch import nn
from work_off import Line

from lcsearch.compress import quick
from lcsearch.compress.cut_out import cut_out, first_images
from lcsearch.compress.looks import Cut, Images
from lcsearch.compress.quick import Passes, QuickCuts
from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import ModelSpec, Regularizer
from lcsearch.data import SearchData, Split
from lcsearch.nets.surgery import build_model
from lcsearch.nets.weights import load_backbone
from lcsearch.search.samplers._draw import Draw
from lcsearch.search.space import BoundSpace
from lcsearch.train import train
from lcsearch.train.teacher import read_teacher

HELD = 1_000
"""Training images that nothing is fitted to, and that judge what was not trained."""
COUNTS = (250, HELD)
"""So many of them judge."""
TRAINING = family_trainings.TRAINING
POOL = 64
"""Models of which those are drawn that a shared net trains."""
SHARED = {
    "shared, trained backbone, 1 epoch": Teaching(1, 0.02, 0),
    "shared, trained backbone, 3 epochs": Teaching(3, 0.02, 0),
    "shared, from scratch, 6 epochs": Teaching(6, 0.1, 0),
}
"""Shared nets, by what they start from and how long they train."""


@dataclass(frozen=True)
class Task:
    """Models of one backbone, measured in one way.

    Attributes:
        what: ``kind`` is ``backbone``, ``tuned`` (one model), ``quick`` or ``shared`` (all of them).
        models: Which of the random ones.
        where: Where.
    """

    what: What
    models: tuple[int, ...]
    where: Where

    @property
    def backbone(self) -> family_trainings.Task:
        """The training of what all is made of."""
        what = replace(self.what, kind="backbone", shape="plain")
        return family_trainings.Task(what, ((0, 0.0),), self.where)

    @property
    def space(self) -> BoundSpace:
        """The backbone's own space."""
        return _space(self.backbone.net)


@cache
def _space(net: FamilyNet) -> BoundSpace:
    return bound_space(net.plain, net.image_size, families=None)


def tasks(
    backbones: Sequence[str], shared: Sequence[str], models: int, image_size: int, where: Where
) -> Iterator[Task]:
    """Every measurement, backbone by backbone.

    Args:
        backbones: Their names.
        shared: Those of which shared nets are trained, too.
        models: How many random models of each.
        image_size: In pixels.
        where: Where.
    """
    for backbone in backbones:
        every = tuple(range(models))

        def what(kind: str, shape: str = "", backbone: str = backbone) -> What:
            return What(backbone, 0, kind, shape, "1", "", image_size)

        yield Task(what("backbone", "plain"), (), where)
        yield Task(what("quick"), every, where)
        yield from (Task(what("tuned", str(number)), (number,), where) for number in every)
        if backbone in shared:
            yield from (Task(what("shared", name), every, where) for name in SHARED)


def do(task: Task) -> Sequence[Line]:
    """Do a task and return its lines."""
    torch.set_num_threads(1)
    if task.what.kind == "backbone":
        return family_trainings.do(task.backbone)
    return {"tuned": _tuned, "quick": _quick, "shared": _shared}[task.what.kind](task)


def random_model(space: BoundSpace, number: int, stream: int = 0) -> ModelSpec:
    """A model of the space, each of its choices drawn evenly over its range.

    Args:
        space: The space.
        number: Of the model.
        stream: Models of one stream are not those of another.
    """
    rng = np.random.default_rng((stream, number))
    return space.suggest(Draw({}, lambda *_: rng.random())).model  # type: ignore[arg-type]


def fitted(data: SearchData) -> SearchData:
    """The data without the images that nothing is fitted to."""
    train = Split(data.train.images[:-HELD], data.train.labels[:-HELD])
    return replace(data, train=train)


def _judge(data: SearchData) -> Images:
    held = Split(data.train.images[-HELD:], data.train.labels[-HELD:])
    return Images(held, data.info, "accuracy", "cpu", Passes())


def _accuracies(model: nn.Module, data: SearchData) -> list[float]:
    own = Cut(model.eval(), _judge(data))
    return [round(own.accuracy(count), 4) for count in COUNTS]


def _whole(task: Task) -> nn.Module:
    own = task.backbone
    return load_backbone(own.net.plain, own.start.folder).eval()


def _line(task: Task, number: int, begin: float, accuracy: Sequence[float]) -> Line:
    params = task.space.params(random_model(task.space, number))
    what = {"backbone": task.what.backbone, "kind": task.what.kind, "shape": task.what.shape}
    own = {"model": number, "params": params, "accuracy": list(accuracy)}
    return {**what, **own, "seconds": round(time.process_time() - begin, 3)}


def _tuned(task: Task) -> list[Line]:
    """A model cut out as for training, judged, and fine-tuned: accuracies before, then the one after."""
    (number,), own, begin = task.models, task.backbone, time.process_time()
    data, recipe = own.net.data, contenders.fine_tuning(TRAINING)
    model = cut_out(_whole(task), random_model(task.space, number), data)
    before = _accuracies(model, data)
    cut = round(time.process_time() - begin, 3)
    seed = 1000 + number
    teacher = read_teacher(own.start.teacher_of(recipe))
    done = train(model.requires_grad_(True), data, recipe, Regularizer(), seed=seed, teacher=teacher)
    after = round(done.history[-1].accuracy, 4)
    return [{**_line(task, number, begin, before), "after": after, "cut_seconds": cut}]


def _quick(task: Task) -> list[Line]:
    """Models cut out as for screening; the first one's seconds hold what all of them share."""
    data, passes = task.backbone.net.data, Passes()
    images = first_images(data, quick.IMAGES)
    cuts, lines = QuickCuts(_whole(task), {}, images, passes), list[Line]()
    for number in task.models:
        begin = time.process_time()
        found = _accuracies(cuts.cut(random_model(task.space, number)), data)
        lines.append({**_line(task, number, begin, found), "images": passes.images})
        passes.images = 0
    return lines


def _shared(task: Task) -> list[Line]:
    """Models that share the weights of one net; each line has the seconds and images of its training."""
    own, how, begin = task.backbone, SHARED[task.what.shape], time.process_time()
    data, plain = fitted(own.net.data), own.net.plain
    seed_everything(how.seed)
    whole = build_model(plain) if "scratch" in task.what.shape else _whole(task)
    images, space = first_images(data, quick.IMAGES), task.space
    shared = SharedNet(whole.eval(), space.searched_layers, space.thinning.found, images)
    ends = [shared.model(plain), shared.model(space.smallest())]
    others = [shared.model(random_model(space, number, stream=1)) for number in range(POOL)]
    seen = teach(shared, ends, others, data, how)
    trained, lines = round(time.process_time() - begin, 3), list[Line]()
    for number in task.models:
        begin = time.process_time()
        found = _accuracies(shared.ready(random_model(space, number), data), own.net.data)
        more = {"trained_seconds": trained, "trained_images": seen, "images": NORM_IMAGES}
        lines.append({**_line(task, number, begin, found), **more})
    return lines

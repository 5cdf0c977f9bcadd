"""The trainings of ``bench_init.py``, each task in a process of its own."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import init_contenders as contenders
import torch
from fastnas_peer import fastnas
from init_contenders import Images, Net, Training
from torch import nn
from work_off import Line

from lcsearch.compress.cut_out import cut_out
from lcsearch.compress.thinned import DEFAULT_THINNED, Thinned
from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer
from lcsearch.nets.surgery import build_model
from lcsearch.nets.weights import load_backbone
from lcsearch.search.proposals.descent import counts_to_measure
from lcsearch.train import evaluate, train
from lcsearch.train.start import Start, prepare
from lcsearch.train.teacher import read_teacher


@dataclass(frozen=True)
class What:
    """What is trained, in any number of ways.

    Attributes:
        backbone: What is compressed.
        seed: Of everything random, the backbone's training included.
        kind: ``backbone``, ``cut`` or ``scratch``.
        shape: ``plain``, ``guided``, ``guided separable``, ``alpha``, ``separable``, ``thinner``, ``pruned``
            or ``fastnas``.
        size: Share of the backbone's parameters.
        how: How channels are chosen; empty for the product's way.
        image_size: In pixels.
    """

    backbone: str
    seed: int
    kind: str
    shape: str
    size: str
    how: str
    image_size: int


@dataclass(frozen=True)
class Where:
    """Where a task is done.

    Attributes:
        folder: Holds the trained backbones.
        images: The images.
        device: Where to compute.
    """

    folder: Path
    images: Images
    device: str


@dataclass(frozen=True)
class Task:
    """Trainings of one model: what is cut out is cut out once for all of them.

    Attributes:
        what: The model.
        trainings: Epochs of fine-tuning, to which from scratch the backbone's are added, and the share of the
            loss that comes from the backbone's outputs.
        where: Where.
    """

    what: What
    trainings: tuple[Training, ...]
    where: Where

    @property
    def net(self) -> Net:
        """The backbone."""
        return Net(self.what.backbone, self.what.image_size, self.where.images)

    @property
    def start(self) -> Start:
        """What the trained backbone left."""
        return self.net.start(self.where.folder, self.what.seed)


def do(task: Task) -> Sequence[Line]:
    """Do a task and return a line for each of its trainings."""
    torch.set_num_threads(1)
    return {"backbone": _backbone, "cut": _cut, "scratch": _scratch}[task.what.kind](task)


def _line(task: Task, training: Training, model: nn.Module, accuracies: list[float], begin: float) -> Line:
    params, macs = task.net.size_of(model)
    return {
        **asdict(task.what),
        "epochs": training[0],
        "distill": training[1],
        "params": params,
        "macs": macs,
        "accuracy": accuracies,
        "device": task.where.device,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def _backbone(task: Task) -> list[Line]:
    """Train the backbone, then measure what all that is cut out of it needs."""
    begin, net = time.perf_counter(), task.net
    train_backbone(task)
    bound = net.bound()
    prepare(
        task.start.folder,
        template=net.plain,
        layers=bound.searched_layers,
        groups=bound.thinning.found,
        counts=counts_to_measure(bound.thinning),
        data=lambda: net.data,
        recipe=contenders.fine_tuning((1, contenders.DISTILL)),
        scratch=contenders.from_scratch((3, contenders.DISTILL)),
        seed=task.what.seed,
        device=task.where.device,
        threads=1,
    )
    return backbone_lines(task, begin)


def train_backbone(task: Task) -> None:
    """Train the backbone, if it is not there, and write its weights and its accuracies."""
    start = task.start
    start.folder.mkdir(parents=True, exist_ok=True)
    if not start.backbone.is_file():
        model = _fresh(task, task.net.plain)
        accuracies = _trained(task, model, Recipe(epochs=contenders.BACKBONE_EPOCHS), task.what.seed)
        _accuracies(start).write_text(json.dumps(accuracies), encoding="utf-8")
        start.write_backbone(model.state_dict())


def backbone_lines(task: Task, begin: float) -> list[Line]:
    """The lines of a trained backbone.

    Args:
        task: Its task.
        begin: When it was begun, by ``time.perf_counter``.
    """
    accuracies = json.loads(_accuracies(task.start).read_text(encoding="utf-8"))
    plain = load_backbone(task.net.plain, task.start.folder)
    return [_line(task, training, plain, accuracies, begin) for training in task.trainings]


def _accuracies(start: Start) -> Path:
    return start.folder / "accuracies.json"


def _scratch(task: Task) -> list[Line]:
    """Train a shape from nothing."""
    spec, lines = task.net.made(task.what.shape, task.what.size, task.start), []
    for training in task.trainings:
        begin, model = time.perf_counter(), _fresh(task, spec)
        accuracies = _trained(task, model, contenders.from_scratch(training), task.what.seed)
        lines.append(_line(task, training, model, accuracies, begin))
    return lines


def _cut(task: Task) -> list[Line]:
    """Cut a model out of the backbone, measure it, and fine-tune it in each way."""
    net, start, device, lines = task.net, task.start, task.where.device, list[Line]()
    begin = time.perf_counter()
    cut, images = _cut_out(task, load_backbone(net.plain, start.folder))
    before = round(evaluate(cut.to(device), net.data.validation, net.data.info, device=device), 4)
    cut_seconds = round(time.perf_counter() - begin, 1)
    for training in task.trainings:
        begin, model, accuracies = time.perf_counter(), copy.deepcopy(cut), [before]
        if training[0]:
            recipe = contenders.fine_tuning(training)
            accuracies = _trained(task, model.requires_grad_(True), recipe, 1000 + task.what.seed)
        line = _line(task, training, model, accuracies, begin)
        lines.append({**line, "before": before, "cut_seconds": cut_seconds, "images": images})
    return lines


def _cut_out(task: Task, whole: nn.Module) -> tuple[nn.Module, int | None]:
    """The model that is cut out, and images that a search of its own has seen, where there is one."""
    net, what, device = task.net, task.what, task.where.device
    if what.shape == "pruned":
        return net.pruned(whole, what.size), None
    if what.shape == "fastnas":
        seen = task.start.folder / "fastnas.pt"
        found = fastnas(whole, net.data, net.budget(what.size), seen, device)
        return found.model, found.images
    spec = net.made(what.shape, what.size, task.start)
    how = cast(Thinned, what.how or DEFAULT_THINNED)
    return cut_out(whole, spec, net.data, device=device, thinned=how), None


def _fresh(task: Task, spec: ModelSpec) -> nn.Module:
    """A model with fresh weights, on the CPU: the same on every device."""
    seed_everything(task.what.seed)
    return build_model(spec)


def _trained(task: Task, model: nn.Module, recipe: Recipe, seed: int) -> list[float]:
    """Train a model and return its accuracy after each epoch."""
    teacher = read_teacher(task.start.teacher_of(recipe)) if recipe.distill else None
    device = task.where.device
    result = train(model, task.net.data, recipe, Regularizer(), seed=seed, device=device, teacher=teacher)
    return [round(metrics.accuracy, 4) for metrics in result.history]

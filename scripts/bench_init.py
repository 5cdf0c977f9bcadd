#!/usr/bin/env python
"""What a trained backbone is worth: models cut out of it against models trained from scratch.

What: Fashion-MNIST, 10,000 training and 5,000 validation images (no test image), `base` and `vgg11` at 1/4
and 1/16 of their parameters. The backbone is trained for 3 epochs; what is cut out of it (one alpha for all
layers but the first, or chosen by the layers' sensitivity) is fine-tuned for 0, 1 and 3 epochs, and so is
the same backbone pruned by magnitude (the package torch-pruning). The same shapes, and thinner plain nets,
are trained from scratch for as many epochs in total. 3 seeds: mean and sample standard deviation.

How: processes of one thread each; every finished training is one line of a file, so the script goes on where
it was stopped, and any beginning is a usable table. `base` gets images of 28 pixels, `vgg11` of 16, unless
--image-size says otherwise: about an hour on 2 idle cores.

    python scripts/bench_init.py init.jsonl
    python scripts/bench_init.py init.jsonl --table --plot docs/images/init.png
    python scripts/bench_init.py init.jsonl --convert     # seconds to cut resnet18 out of a trained one
    python scripts/bench_init.py init.jsonl --search      # searches from scratch and from the backbone
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import init_contenders as contenders
import torch
from init_search import search, search_table
from init_table import table, write_plot
from torch import nn

from lcsearch.compress.cut_out import cut_out
from lcsearch.compress.fit import How
from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer
from lcsearch.nets.surgery import build_model
from lcsearch.nets.weights import load_backbone
from lcsearch.train import evaluate, train
from lcsearch.train.start import Start, prepare
from lcsearch.train.teacher import read_teacher

IMAGE_SIZE = {"base": 28, "vgg11": 16}
CONVERT_IMAGE_SIZE = 32


@dataclass(frozen=True)
class Task:
    """One training, or none for 0 epochs from the backbone.

    Attributes:
        backbone: What is compressed.
        seed: Of everything random, the backbone's training included.
        kind: ``backbone``, ``cut`` or ``scratch``.
        shape: ``plain``, ``uniform``, ``guided``, ``thinner`` or ``pruned``.
        size: Share of the backbone's parameters.
        epochs: Of fine-tuning; from scratch, the backbone's come on top.
        how: What a cut-out model is fitted to; empty where nothing is.
        distill: Share of the loss that comes from the backbone's outputs.
        image_size: In pixels.
    """

    backbone: str
    seed: int
    kind: str
    shape: str
    size: str
    epochs: int
    how: str
    distill: float
    image_size: int


def order(backbones: list[str], image_size: int | None) -> Iterator[Task]:
    """Every task: the contenders that matter most with every seed, then the others, seed by seed."""
    for more in (False, True):
        for seed in range(contenders.SEEDS):
            for backbone in [] if more else backbones:
                size = image_size or IMAGE_SIZE[backbone]
                yield Task(backbone, seed, "backbone", "plain", "1", 0, "", 0.0, size)
            for epochs in (0, 1, 3):
                for backbone in backbones:
                    for share in contenders.SIZES:
                        for kind, shape, how, distill in contenders.arms(epochs, more):
                            size = image_size or IMAGE_SIZE[backbone]
                            yield Task(backbone, seed, kind, shape, share, epochs, how, distill, size)


def record(task: Task, records: Path) -> dict[str, Any]:
    """Do a task and return its line."""
    torch.set_num_threads(1)
    begin = time.perf_counter()
    start = Start(contenders.folder(records, task.backbone, task.image_size, task.seed))
    done = {"backbone": _backbone, "cut": _cut, "scratch": _scratch}[task.kind](task, start)
    seconds = round(time.perf_counter() - begin, 1)
    return {**asdict(task), **done, "seconds": seconds}


def _backbone(task: Task, start: Start) -> dict[str, Any]:
    """Train the backbone, then measure what all that is cut out of it needs."""
    start.folder.mkdir(parents=True, exist_ok=True)
    data, spec = contenders.images(task.image_size), contenders.plain(task.backbone)
    if not start.backbone.is_file():
        found, model = _trained(task, spec, Recipe(epochs=contenders.BACKBONE_EPOCHS))
        (start.folder / "found.json").write_text(json.dumps(found), encoding="utf-8")
        start.write_backbone(model.state_dict())
    begin = time.perf_counter()
    prepare(
        start.folder,
        template=spec,
        layers=contenders.bound(task.backbone).searched_layers,
        data=lambda: data,
        recipe=contenders.fine_tuning(1, contenders.DISTILL),
        seed=task.seed,
        device="cpu",
        threads=1,
    )
    found = json.loads((start.folder / "found.json").read_text(encoding="utf-8"))
    return {**found, "prepare_seconds": round(time.perf_counter() - begin, 1)}


def _scratch(task: Task, start: Start) -> dict[str, Any]:
    epochs = contenders.BACKBONE_EPOCHS + task.epochs
    return _trained(task, _shape(task, start), Recipe(epochs=epochs))[0]


def _trained(task: Task, spec: ModelSpec, recipe: Recipe) -> tuple[dict[str, Any], nn.Module]:
    seed_everything(task.seed)
    model = build_model(spec)
    params, macs = contenders.size_of(model, task.image_size)
    data = contenders.images(task.image_size)
    result = train(model, data, recipe, Regularizer(), seed=task.seed)
    accuracies = [round(metrics.accuracy, 4) for metrics in result.history]
    return {"params": params, "macs": macs, "before": None, "accuracy": accuracies}, model


def _cut(task: Task, start: Start) -> dict[str, Any]:
    """Cut a model out of the backbone, measure it, fine-tune it."""
    data = contenders.images(task.image_size)
    model = _cut_out(task, start)
    params, macs = contenders.size_of(model, task.image_size)
    before, accuracies = evaluate(model, data.validation, data.info), []
    if task.epochs:
        recipe = contenders.fine_tuning(task.epochs, task.distill)
        teacher = read_teacher(start.teacher) if task.distill else None
        seed = 1000 + task.seed
        result = train(model.requires_grad_(True), data, recipe, Regularizer(), seed=seed, teacher=teacher)
        accuracies = [round(metrics.accuracy, 4) for metrics in result.history]
    return {"params": params, "macs": macs, "before": round(before, 4), "accuracy": accuracies or [before]}


def _cut_out(task: Task, start: Start) -> nn.Module:
    data = contenders.images(task.image_size)
    net = load_backbone(contenders.plain(task.backbone), start.folder)
    if task.shape == "pruned":
        return contenders.pruned(net, task.backbone, task.size, data)
    how: How = "filters" if task.how == "filters" else "responses"
    return cut_out(net, _shape(task, start), data, how=how)


def _shape(task: Task, start: Start) -> ModelSpec:
    if task.shape == "guided":
        return contenders.guided(task.backbone, task.size, start)
    return {"uniform": contenders.uniform, "thinner": contenders.thinner}[task.shape](
        task.backbone, task.size
    )


def read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # a line cut short has no end
    return [json.loads(line) for line in lines]


def run(path: Path, jobs: int, backbones: list[str], image_size: int | None) -> None:
    """Do what is not done yet, some at a time."""
    records = read(path)
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    known = {_key(r) for r in records}
    tasks = list(order(backbones, image_size))
    todo = [task for task in tasks if _key(asdict(task)) not in known or _lacks_start(task, path)]
    running: dict[Future[dict[str, Any]], Task] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool, path.open("a", encoding="utf-8") as file:
        while todo or running:
            while len(running) < jobs and (task := _ready(todo, running.values(), path)) is not None:
                todo.remove(task)
                running[pool.submit(record, task, path)] = task
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task, line = running.pop(future), future.result()
                if _key(line) not in known:
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                print(f"{len(tasks) - len(todo) - len(running)}/{len(tasks)} {_words(line)}", flush=True)


def _key(plain: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(plain[name] for name in Task.__dataclass_fields__)


def _lacks_start(task: Task, path: Path) -> bool:
    """Whether a backbone must be made again, because the files that others need are gone."""
    start = Start(contenders.folder(path, task.backbone, task.image_size, task.seed))
    return task.kind == "backbone" and not (
        start.backbone.is_file() and start.sensitivity.is_file() and start.teacher.is_file()
    )


def _ready(todo: list[Task], running: Any, path: Path) -> Task | None:
    """The first task whose backbone is there, or that needs none; None where all must wait."""
    busy = {(task.backbone, task.seed) for task in running if task.kind == "backbone"}
    busy |= {(task.backbone, task.seed) for task in todo if task.kind == "backbone"}
    for task in todo:
        needs = task.kind == "cut" or task.shape == "guided"
        if not needs or (task.backbone, task.seed) not in busy:
            return task
    return None


def _words(line: dict[str, Any]) -> str:
    what = (
        f"{line['backbone']} seed {line['seed']} {line['size']} {line['kind']} {line['shape']} {line['how']}"
    )
    distilled = " distilled" if line["distill"] else ""
    reached = f"{line['accuracy'][-1]:.2f} %, {line['params']} params, {line['seconds']:.0f} s"
    return f"{what}{distilled}, {line['epochs']} epochs: {reached}"


def convert() -> None:
    """Print how long it takes to cut resnet18 down to alpha 1/4 on two cores."""
    torch.set_num_threads(2)
    from lcsearch.nets.surgery import uniform

    torch.manual_seed(0)
    spec = contenders.plain("resnet18")
    net = build_model(spec).eval()
    data = contenders.images(CONVERT_IMAGE_SIZE)
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        cut_out(net, replace(spec, layers=uniform(net, "linear", alpha=0.25)), data)
        seconds.append(time.perf_counter() - begin)
    print(f"resnet18, alpha 1/4 in every layer, {CONVERT_IMAGE_SIZE} pixels, 2 threads: "
          f"{statistics.median(seconds):.1f} s (median of 3)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "records", type=Path, help="file of finished trainings, one a line; continued if there"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--backbone", action="append", choices=list(IMAGE_SIZE), help="only this; repeatable")
    parser.add_argument("--image-size", type=int, help="side of the images, in pixels, for every backbone")
    parser.add_argument("--table", action="store_true", help="train nothing; print the Markdown table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="train nothing; write the plot (png, html)")
    parser.add_argument("--convert", action="store_true", help="train nothing; time cutting resnet18")
    parser.add_argument("--search", action="store_true", help="search base both ways; print the table")
    arguments = parser.parse_args()
    size = arguments.image_size
    if arguments.search:
        search(arguments.records, size or IMAGE_SIZE["base"], arguments.jobs)
        print(search_table(arguments.records, size or IMAGE_SIZE["base"]))
        return
    if arguments.convert:
        convert()
    if arguments.table:
        print(table(read(arguments.records)))
    if arguments.plot:
        write_plot(read(arguments.records), arguments.plot)
    if not (arguments.convert or arguments.table or arguments.plot):
        run(arguments.records, arguments.jobs, arguments.backbone or list(IMAGE_SIZE), size)


if __name__ == "__main__":
    main()

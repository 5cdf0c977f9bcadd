#!/usr/bin/env python
"""Record what the search benchmark replays: the learning curves of 200 and more specs of ``base``.

What: Fashion-MNIST scaled to 16 x 16 pixels, 10,000 training and 5,000 validation images (no test image), 9
epochs, the default recipe, the validation accuracy after every epoch. Which specs: the hand-picked ones
(plain, uniform alpha, thinner); a Sobol sequence over the default search space; and mutations of what was on
the front so far. Twelve specs are trained with three seeds, which is where the benchmark's noise comes from.

How: processes of one thread each; every finished training is one line of a file, so the script goes on
where it was stopped. About 50 minutes on 2 idle cores. ``--pack`` writes what ships.

    python scripts/record_benchmark.py records.jsonl
    python scripts/record_benchmark.py records.jsonl --pack tests/data_files/base_fashion_mnist.json.gz
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from bound_space import bound_space
from scipy.stats.qmc import Sobol
from work_off import read

from lcsearch import __version__
from lcsearch.core import pareto
from lcsearch.core.job import Job
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.nets import backbones
from lcsearch.nets.count import count
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.surgery import build_model, uniform
from lcsearch.search.samplers._draw import Draw, at_unit, unit_of
from lcsearch.search.space import BoundSpace
from lcsearch.train.objective import TrainObjective

BACKBONE, DATASET, TRAIN_IMAGES, VALIDATION_IMAGES, EPOCHS = "base", "fashion-mnist", 10_000, 5_000, 9
IMAGE_SIZE = 16
SOBOL, NEAR, SEEDS = 160, 45, 3
ALPHAS, SHARES = (0.5, 0.25, 0.125, 0.0625), (0.71, 0.5, 0.35, 0.25)
DIMENSIONS = 64


@dataclass(frozen=True)
class Task:
    """One training: the name of its spec, the spec, its choices in the space, and a seed."""

    name: str
    spec: TrialSpec
    choices: dict[str, Any]
    seed: int


@cache
def space() -> BoundSpace:
    return bound_space(plain(), IMAGE_SIZE)


def plain() -> ModelSpec:
    return ModelSpec(BACKBONE, num_classes=10, in_channels=1)


@cache
def hand_picked() -> dict[str, ModelSpec]:
    with torch.device("meta"):
        net = backbones.build(BACKBONE, num_classes=10, in_channels=1)
    inner = list(conv_layers(net))[1:]
    shapes = {alpha: uniform(net, "linear", alpha=alpha) for alpha in ALPHAS}
    found = {"plain": plain()} | {f"thinner-{share}": space().thinner(share) for share in SHARES}
    for alpha in ALPHAS:
        layers = {name: shapes[alpha][name] for name in inner}
        found[f"uniform-{alpha}"] = replace(plain(), layers=layers)
    return found


def order() -> Iterator[tuple[str, int]]:
    """Names and seeds in the order of recording: any beginning of it is a usable, smaller record."""
    repeated = ["plain", "uniform-0.25", "thinner-0.5", *(f"sobol-{i}" for i in range(0, 36, 4))]
    repeats = [(name, seed) for name in repeated for seed in range(1, SEEDS)]
    near = [(f"near-{i}", 0) for i in range(NEAR)]
    yield from ((name, 0) for name in hand_picked())
    for i in range(SOBOL):
        yield f"sobol-{i}", 0
        if i % 4 == 3 and near:
            yield near.pop(0)
        if i % 4 == 1 and i > 36 and repeats:
            yield repeats.pop(0)
    yield from near
    yield from repeats


def sobol(index: int) -> Draw:
    """Point ``index`` of the sequence: each parameter has its own dimension, in the order of being asked."""
    points = _sobol_points()
    names: list[str] = []
    for i in range(index + 1):
        draw = Draw({}, lambda name, _, i=i: points[i, _place(names, name)])  # type: ignore[misc]
        space().suggest(draw)
    return draw


@cache
def _sobol_points() -> np.ndarray:
    points: np.ndarray = Sobol(DIMENSIONS, scramble=True, rng=0).random(256)
    return points


def _place(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def near_front(index: int, records: list[dict[str, Any]]) -> Draw:
    """A member of the recorded front with some of its choices moved."""
    rng = np.random.default_rng((7, index))
    inside = [r for r in records if r["choices"] and r["seed"] == 0]
    front = pareto.front([(r["accuracy"][-1], r["params"]) for r in inside])
    parent = inside[int(rng.choice(front))]["choices"]
    asked = Draw(parent, lambda *_: rng.random())
    space().suggest(asked)
    kept = {}
    for name, value in asked.params.items():
        if rng.random() < 0.6:
            kept[name] = value
        elif not isinstance(value, str) and rng.random() < 0.8:
            moved = unit_of(asked.distributions[name], value) + 0.15 * rng.standard_normal()
            kept[name] = at_unit(asked.distributions[name], moved)
    child = Draw(kept, lambda *_: rng.random())
    space().suggest(child)
    return child


def task(name: str, seed: int, records: list[dict[str, Any]]) -> Task:
    recipe = Recipe(epochs=EPOCHS)
    if name in hand_picked():
        spec = TrialSpec(hand_picked()[name], recipe=recipe)
        encoded = space().encode(spec)
        return Task(name, spec, encoded[0] if encoded else {}, seed)
    kind, index = name.split("-")
    draw = sobol(int(index)) if kind == "sobol" else near_front(int(index), records)
    spec = space().suggest(Draw(draw.params, lambda *_: 0.5), recipe)
    return Task(name, spec, draw.params, seed)


def record(task: Task, device: str, data_dir: str | None) -> dict[str, Any]:
    """Train one task and return its line."""
    begin = time.perf_counter()
    accuracy: list[float] = []

    def report(epoch: int, metrics: Any) -> bool:
        accuracy.append(round(float(metrics["accuracy"]), 4))
        return True

    objective = TrainObjective(
        DATASET,
        train_images=TRAIN_IMAGES,
        validation_images=VALIDATION_IMAGES,
        image_size=IMAGE_SIZE,
        data_dir=data_dir,
        device=device,
        threads=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        objective(Job(0, 0, 1000 + task.seed, task.spec, folder, resume=False), report)
    with torch.device("meta"):
        size = count(build_model(task.spec.model), (1, IMAGE_SIZE, IMAGE_SIZE))
    return {
        "name": task.name,
        "seed": task.seed,
        "image_size": IMAGE_SIZE,
        "choices": task.choices,
        "spec": task.spec.to_plain(),
        "params": size.params,
        "macs": size.macs,
        "accuracy": accuracy,
        "device": device,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def run(path: Path, jobs: int, device: str, data_dir: str | None) -> None:
    records = read(path)
    if any(r["image_size"] != IMAGE_SIZE for r in records):
        sys.exit(f"{path}: holds trainings on images of another size than {IMAGE_SIZE}")
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    todo = [(n, s) for n, s in order() if (n, s) not in {(r["name"], r["seed"]) for r in records}]
    total = len(todo) + len(records)
    running: set[Future[dict[str, Any]]] = set()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool, path.open("a", encoding="utf-8") as file:
        while todo or running:
            while todo and len(running) < jobs:
                one = task(*todo.pop(0), records)
                running.add(pool.submit(record, one, device, data_dir))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                records.append(future.result())
                file.write(json.dumps(records[-1]) + "\n")
                file.flush()
                r = records[-1]
                line = f"{len(records)}/{total} {r['name']} seed {r['seed']}: {r['params']} params"
                print(f"{line}, {r['accuracy'][-1]:.2f} %, {r['seconds']:.0f} s", flush=True)


def pack(path: Path, target: Path) -> None:
    """Write what ships: how it was made, and every record, compressed."""
    records = read(path)
    about = {
        "made_by": "scripts/record_benchmark.py",
        "backbone": BACKBONE,
        "dataset": DATASET,
        "train_images": TRAIN_IMAGES,
        "validation_images": VALIDATION_IMAGES,
        "image_size": records[0]["image_size"],
        "channels": True,
        "epochs": EPOCHS,
        "recipe": records[0]["spec"]["recipe"],
        "accuracy": "validation accuracy in percent after each epoch",
        "devices": sorted({r["device"] for r in records}),
        "threads": 1,
        "versions": {"lcsearch": __version__, "torch": torch.__version__, "optuna": optuna.__version__},
        "planned": sum(1 for _ in order()),
        "recorded": len(records),
    }
    slim = [
        {k: v for k, v in r.items() if k not in ("spec", "image_size", "device")} | {"spec": _slim(r["spec"])}
        for r in records
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"about": about, "records": slim}, separators=(",", ":"))
    target.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{target}: {len(records)} records, {target.stat().st_size} bytes", file=sys.stderr)


def _slim(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "recipe"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "records", type=Path, help="file of finished trainings, one a line; continued if there"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--data-dir", help="where the data set's files are")
    parser.add_argument(
        "--pack", type=Path, metavar="FILE", help="train nothing; write the compressed record"
    )
    arguments = parser.parse_args()
    if arguments.pack:
        pack(arguments.records, arguments.pack)
    else:
        run(arguments.records, arguments.jobs, arguments.device, arguments.data_dir)


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""What a search itself costs per trial, without any training: ask, record, decide, tell, as a study grows.

What: the product's own director, sampler, stopping and SQLite study (WAL, in a temporary folder) over
``vgg11`` with every choice open, channels too, 50 dimensions. Accuracies are made up: a loss per layer and
group of channels, and noise; three epochs, one rung, Pareto-aware early stopping. ``ask`` is everything
between a worker being free and its job: propose, record the start. Counting the new model on the meta device
is not in it: sizes come from arithmetic here, and counting is measured apart, on the last models. ``tell`` is
everything from a trial's last epoch to the end of its record. ``epochs`` is what all epochs of a trial take
to record and to decide.

How: one process; wall time per trial, median over the last hundred trials of each thousand, and processor
time beside it. The machine is printed.

    python scripts/bench_study.py --fill 1000 --trials 100
    python scripts/bench_study.py --trials 10000       # how time per trial grows
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import optuna
import torch

from lcsearch.core.job import Job, Verdict
from lcsearch.core.records import LayerCount
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.count import Count
from lcsearch.nets.sizer import Sizer
from lcsearch.nets.surgery import build_model
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import DEFAULT_SAMPLER, RunSettings
from lcsearch.runs.sqlite import sqlite_storage
from lcsearch.runs.store import Store
from lcsearch.search.director import SearchDirector
from lcsearch.search.planner import Planner
from lcsearch.search.space import BoundSpace, bind, parse_space

RULE = {
    "kind": ["conv", "linear"],
    "channels": {"low": 1 / 8, "high": 1.0, "log": True},
    "alpha": {"low": 1 / 64, "high": 1.0, "log": True},
    "coefficients": ["full", "low_rank", "sparse"],
    "rank_ratio": {"low": 0.05, "high": 0.5, "log": True},
    "sparsity": {"low": 0.25, "high": 0.9},
}
REGULARIZER = {"weight": {"low": 1e-5, "high": 0.1, "log": True}, "off": True}
EPOCHS, TAIL, IMAGES, COUNTED = 3, 100, 5_000, 20
IMAGE = (1, 28, 28)


def bound_space() -> BoundSpace:
    """``vgg11`` with every choice open: 50 dimensions."""
    template = ModelSpec("vgg11", 10, 1)
    with torch.device("meta"):
        model = build_model(template)
    plain = {"version": 1, "backbone": "vgg11", "layers": {"*": RULE}, "regularizer": REGULARIZER}
    return bind(parse_space(plain, "bench_study"), model, template, IMAGE)


def curve(model: ModelSpec, rng: np.random.Generator) -> list[float]:
    """A made-up accuracy after each epoch: a loss per layer and group of channels, and noise."""
    layers = (layer for layer in model.layers.values() if isinstance(layer, LinearSpec))
    lost = sum(0.3 * math.log(layer.alpha) ** 2 * (1 if layer.rank is None else 1.3) for layer in layers)
    lost += sum(0.3 * math.log(share) ** 2 for share in model.channels.values())
    return [float(92 - lost - 6 * math.exp(-e) + 0.3 * rng.standard_normal()) for e in range(EPOCHS)]


def make_search(space: BoundSpace, sampler: str, folder: Path) -> SearchDirector:
    settings = RunSettings("vgg11", "made-up", trials=10**6, sampler=sampler, recipe=Recipe(epochs=EPOCHS))
    directory = RunDirectory(folder)
    directory.settings.touch()  # a search whose run.yaml is gone stops

    def size(model: ModelSpec) -> Count:
        layers = (
            LayerCount(name, layer.family, 10_000, 1_000_000, asdict(layer))
            for name, layer in model.layers.items()
        )
        return Count(space.params(model), 0, tuple(layers))

    store = Store(sqlite_storage(directory.study), settings.objectives)
    return Planner(space, settings, IMAGES, (), size).director(store, directory)


def one_trial(search: SearchDirector, rng: np.random.Generator) -> tuple[float, float, float]:
    """Seconds to ask, for all epochs, and to tell."""
    begin = time.perf_counter()
    job = search.next_job()
    asked = time.perf_counter()
    if not isinstance(job, Job):
        raise RuntimeError(search.ending)
    accuracies = curve(job.spec.model, rng)
    trained = time.perf_counter()
    search.on_started(job.number, "bench")
    for epoch, accuracy in enumerate(accuracies, start=1):
        metrics = {"accuracy": accuracy, "train_loss": 1.0, "seconds": 1.0}
        if search.on_epoch(job.number, epoch, metrics) == Verdict.STOP:
            break
    ended = time.perf_counter()
    search.on_complete(job.number, metrics)
    return asked - begin, ended - trained, time.perf_counter() - ended


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1_100)
    parser.add_argument("--fill", type=int, default=0, help="so many trials first, at random, not measured")
    parser.add_argument("--sampler", default=DEFAULT_SAMPLER)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, rng = bound_space(), np.random.default_rng(0)
    versions = f"Python {platform.python_version()}, Optuna {optuna.__version__}"
    print(f"{platform.platform()}, {os.cpu_count()} cores, {versions}")
    print(
        f"{arguments.sampler}, {space.dimensions} dimensions; ms per trial, median [0.9 quantile] of {TAIL}"
    )
    print("| trials | ask | tell | ask + tell | epochs | processor, mean of all since the last line |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.fill:
            filling = make_search(space, "random", Path(folder))
            while filling.history.next_number < arguments.fill:
                one_trial(filling, rng)
            del filling
        search, times, used = make_search(space, arguments.sampler, Path(folder)), [], time.process_time()
        for number in range(1, arguments.trials + 1):
            times.append(one_trial(search, rng))
            if number % 1000 == 0 or number == arguments.trials:
                now = time.process_time()
                print(
                    line(arguments.fill + number, times[-TAIL:], (now - used) / ((number - 1) % 1000 + 1)),
                    flush=True,
                )
                used = now
        print(f"counting a model on the meta device: {counting(search):.1f} ms, median of {COUNTED}")


def counting(search: SearchDirector) -> float:
    """Milliseconds that the product takes to count one of the last models."""
    sizer, times = Sizer(IMAGE), list[float]()
    for trial in list(search.history)[-COUNTED:]:
        begin = time.perf_counter()
        sizer(trial.spec.model)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def line(number: int, times: list[tuple[float, float, float]], processor: float) -> str:
    both = [(ask, tell, ask + tell, epochs) for ask, epochs, tell in times]
    cells = [
        f"{1e3 * statistics.median(c):.1f} [{1e3 * float(np.quantile(c, 0.9)):.1f}]"
        for c in zip(*both, strict=True)
    ]
    return f"| {number} | " + " | ".join(cells) + f" | {1e3 * processor:.1f} |"


if __name__ == "__main__":
    main()

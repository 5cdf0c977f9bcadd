#!/usr/bin/env python
"""Trials per hour, and the time to a hypervolume, against a search that is written by hand.

Both sides search `vgg11` on the same 10,000 training and 5,000 validation images of Fashion-MNIST, 32 pixels,
on the same cores, one after the other:

- *by hand* (`hand_written_search.py`): Optuna's multi-objective sampler, LinearConv as published, the data
  set of torchvision and its `DataLoader`, float32, every trial 3 epochs from scratch, on all threads;
- *lcsearch*: `lcsearch run --backbone vgg11`, as it is, to its end; its start counts;
- *lcsearch, as long*: the same with as many trials as it begins in the time that the search by hand has;
- *the same trials*: what the search by hand tried, for as many epochs, trained by lcsearch, a process a core,
  in the precision that its search has chosen.

Every side is a line of a file, so the script goes on where it was stopped. Nothing else may run meanwhile.

    python scripts/bench_search_speed.py speed.jsonl --seconds 1800 --repeats 3     # two hours
    python scripts/bench_search_speed.py speed.jsonl --table
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from search_speed_table import BY_HAND, LONG, OURS, SAME, table
from work_off import Line, parser_of, read, work_off

from lcsearch.core.freed_memory import keep_freed_memory
from lcsearch.core.machine import device_name
from lcsearch.core.spec import ModelSpec, Precision, Recipe, Regularizer
from lcsearch.data import load
from lcsearch.data.loading import divide
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.surgery import build_model
from lcsearch.runs.read import read_run
from lcsearch.train import train

IMAGES, JUDGES, EPOCHS = 10_000, 5_000, 3
BACKBONE, DATASET = "vgg11", "fashion-mnist"
ENDLESS = 10_000
"""More trials than there is time for."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Task:
    """One side of one repeat.

    Attributes:
        side: One of `SIDES`.
        repeat: Its seed.
        seconds: How long the search by hand, and `LONG`, begin trials.
        tried: Numbers of primary filters that it tried, where the side is `SAME`.
        precision: Likewise what lcsearch trains in.
    """

    side: str
    repeat: int
    seconds: int
    tried: tuple[tuple[int, ...], ...] = ()
    precision: Precision = "float32"

    @property
    def key(self) -> Line:
        """What tells its line from others."""
        return {"side": self.side, "repeat": self.repeat, "seconds": self.seconds}


def tasks(lines: Sequence[Line], repeats: int, seconds: int) -> list[Task]:
    """What has no line yet; what was tried by hand is trained once it is known, and lcsearch's precision."""
    done = {(line["side"], line["repeat"]): line for line in lines if line["seconds"] == seconds}
    found = [Task(side, repeat, seconds) for repeat in range(repeats) for side in (BY_HAND, OURS, LONG)]
    for (side, repeat), line in done.items():
        if side == BY_HAND and (OURS, repeat) in done:
            tried = tuple(tuple(trial["primaries"]) for trial in line["trials"])
            found.append(Task(SAME, repeat, seconds, tried, done[OURS, repeat]["precision"]))
    return [task for task in found if (task.side, task.repeat) not in done]


def do(task: Task) -> Sequence[Line]:
    """Do a side and return its line."""
    machine = {"machine": device_name("cpu"), "cores": _cores()}
    with tempfile.TemporaryDirectory() as folder:
        done = {BY_HAND: _by_hand, OURS: _ours, LONG: _ours, SAME: _same}[task.side](task, Path(folder))
    return [{**task.key, **machine, **done}]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _by_hand(task: Task, folder: Path) -> Line:
    division = divide(DATASET, train_images=IMAGES, validation_images=JUDGES)
    parts = {"train": division.train, "validation": division.validation}
    places, lines = folder / "places.json", folder / "lines.jsonl"
    places.write_text(json.dumps({name: part.indices.tolist() for name, part in parts.items()}))
    said = f"--seconds {task.seconds} --epochs {EPOCHS} --threads {_cores()} --seed {task.repeat}"
    _run("hand_written_search.py", *map(str, (lines, places, folder, division.folder)), *said.split())
    return {"trials": read(lines)}


def _ours(task: Task, folder: Path) -> Line:
    out, begin = folder / "run", time.time()
    said = ["--backbone", BACKBONE, "--seed", str(task.repeat), "--out", str(out)]
    if task.side == LONG:
        said += ["--trials", str(ENDLESS), "--timeout", f"{task.seconds}s"]
    _run("-m", "lcsearch", "run", *said)
    run = read_run(out)
    assert run.baseline is not None
    ended = [(trial, trial.finished_at) for trial in run.trials if trial.finished_at is not None]
    trials = [{"at": at - begin, "accuracy": trial.accuracy, "params": trial.params} for trial, at in ended]
    backbone = {"accuracy": run.baseline.accuracy, "params": run.baseline.params}
    precision = run.baseline.spec.recipe.precision
    return {"trials": trials, "backbone": backbone, "smallest": run.smallest_params, "precision": precision}


def _same(task: Task, folder: Path) -> Line:
    begin = time.perf_counter()
    with ProcessPoolExecutor(_cores(), mp_context=get_context("spawn")) as pool:
        found = list(pool.map(partial(_train, precision=task.precision), task.tried))
    wall = time.perf_counter() - begin
    return {"trials": [{"accuracy": accuracy} for accuracy in found], "wall": wall}


def _train(primaries: Sequence[int], precision: Precision) -> float:
    torch.set_num_threads(1)
    keep_freed_memory()
    plain = ModelSpec(BACKBONE, num_classes=10, in_channels=1)
    convs = list(conv_layers(build_model(plain)).items())[1:]
    pairs = zip(convs, primaries, strict=True)
    layers = {name: LinearSpec(alpha=count / conv.out_channels) for (name, conv), count in pairs}
    torch.manual_seed(0)
    model = build_model(replace(plain, layers=layers))
    data = load(DATASET, train_images=IMAGES, validation_images=JUDGES)
    recipe = Recipe(epochs=EPOCHS, precision=precision)
    return train(model, data, recipe, Regularizer(), seed=0).history[-1].accuracy


def _run(*words: str) -> None:
    program = [words[0]] if words[0].startswith("-") else [str(HERE / words[0])]
    subprocess.run([sys.executable, *program, *words[1:]], check=True, stdout=subprocess.DEVNULL)


def words(line: Line) -> str:
    """What is said of a line when it is done."""
    return f"{line['side']}, repeat {line['repeat']}: {len(line['trials'])} trials"


def main() -> int:
    parser = parser_of(__doc__, "sides at once: one, or they take each other's time", jobs=1)
    parser.add_argument("--seconds", type=int, default=1800, help="how long the search by hand begins trials")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if not arguments.table:
        left = partial(tasks, repeats=arguments.repeats, seconds=arguments.seconds)
        failed = work_off(arguments.records, arguments.jobs, left, do, words)
    print(table(read(arguments.records)))
    return 1 if not arguments.table and failed else 0


if __name__ == "__main__":
    sys.exit(main())

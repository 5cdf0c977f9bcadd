#!/usr/bin/env python
"""Whole fronts: the default search against a sweep of thinner nets that may spend the same epochs.

What: Fashion-MNIST, images of 16 pixels, 5,000 validation images (no test image), `vgg11` and `base`, 3
seeds. The search is `lcsearch run` with the defaults that it has on a CPU: 10,000 training images, 28 trials,
3 epochs for the backbone and 1 for what is cut out of it. The sweep: plain nets of which every layer keeps
the same share of its channels, in equal steps of the logarithm of their parameters from the smallest model of
the space up to the backbone. Each is trained from scratch for the epochs of backbone and fine-tuning
together, by the same recipe, and learns from the same trained backbone as the search's models, whose epochs
the sweep pays too. There are as many nets as the epochs allow that the search has spent. With --init scratch
both sides train everything from nothing, without a teacher.

How: every search and every training of a sweep is one line of a file, and a search goes on in its run
directory, so the script goes on where it was stopped, and any beginning is a usable table. One trial of a
search at a time.

    python scripts/bench_front.py front.jsonl                          # about an hour on 2 idle cores
    python scripts/bench_front.py front.jsonl --backbone vgg11 --train-images 30000
    python scripts/bench_front.py front.jsonl --device cuda --jobs 12  # several processes on one GPU
    python scripts/bench_front.py front.jsonl --table
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from front_runs import Front, Task, Where, completed, do, nets_for
from front_table import table
from work_off import Line, parser_of, read, work_off

from lcsearch.runs.inputs import inputs_of
from lcsearch.runs.setting import Place

BACKBONES = ("vgg11", "base")
OF_A_SEARCH = ("dataset", "train_images", "trials", "epochs", "fine_tune_epochs")


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.table:
        print(table(read(arguments.records)))
        return 0
    said = {name: getattr(arguments, name) for name in OF_A_SEARCH}
    fronts = [
        Front(backbone=backbone, seed=seed, image_size=arguments.image_size, init=arguments.init, **said)
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)
        for backbone in arguments.backbone or BACKBONES
    ]
    folder = arguments.folder or arguments.records.with_suffix(".runs")
    where = Where(folder.resolve(), arguments.data_dir, arguments.device)
    failed = work_off(arguments.records, arguments.jobs, partial(tasks, fronts, where), do, words)
    print(table(read(arguments.records)))
    return 1 if failed else 0


def tasks(fronts: Sequence[Front], where: Where, lines: Sequence[Line]) -> list[Task]:
    """What can be done now: searches first, since sweeps wait for them."""
    keys = [{name: line[name] for name in Task(fronts[0], where).key} for line in completed(lines)]
    searches = [Task(front, where) for front in fronts]
    found = [task for task in searches if task.key not in keys]
    for task in searches:
        if task.key in keys:
            nets = nets_for(lines[keys.index(task.key)])
            sweep = [Task(task.front, where, place, nets) for place in range(nets)]
            found += [one for one in sweep if one.key not in keys]
    return found


def words(line: Line) -> str:
    """What is printed of a line."""
    what = f"{line['backbone']}, {line['train_images']} images, seed {line['seed']}"
    if line["place"] is None:
        trials = len(line["trials_done"])
        said = f"search: {trials} trials, {line['epochs_spent']} epochs"
    else:
        reached = f"{line['params']} parameters, {line['accuracy'][-1]:.2f} %"
        said = f"sweep {line['place'] + 1}/{line['nets']}: {reached}"
    return f"{what}, {said}, {line['seconds']:.0f} s"


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__, "searches and trainings at a time")
    parser.add_argument("--folder", type=Path, help="of the run directories; beside the records")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--backbone", action="append", help="only this; repeatable")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--image-size", type=int, default=16, help="in pixels")
    parser.add_argument("--init", choices=("trained", "scratch"), default="trained", help="of the search")
    parser.add_argument("--data-dir", help="where the data set's files are")
    inputs, place = inputs_of("run"), Place("cpu", "local", "trained")
    for name in OF_A_SEARCH:
        default: Any = inputs[name].default_at(place)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help=f"by default {default}")
    return parser


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python
"""Families of layers against each other, thinner nets and LinearConv: single nets, and whole searches.

What: Fashion-MNIST, images of 16 pixels, 10,000 training and 5,000 validation images (no test image), `base`,
`vgg11` and `resnet32` at 1/2, 1/4 and 1/16 of their parameters, 3 seeds. A net has one share of all channels
(thinner, plain or with separable layers), or all channels and every layer that may be of one family, with one
share for all: LinearConv with full coefficients, basis with a bank that is fitted, random or trained, shared
by stage. Each is cut out of a backbone that was trained for 3 epochs and fine-tuned for 1, or trained from
scratch for 4; either way half of the loss comes from that backbone's outputs. A net that comes to no size
within 10 % is left out. Then whole searches with the defaults that they have on a CPU, of 28 trials, with the
families of the backbone's own space, and with others.

How: processes of one thread each; every finished training and search is one line of a file, and a search goes
on in its run directory, so the script goes on where it was stopped, and any beginning is a usable table. The
smallest nets come first, seed by seed.

    python scripts/bench_families.py families.jsonl                    # hours on 2 idle cores
    python scripts/bench_families.py families.jsonl --backbone base --part trainings
    python scripts/bench_families.py families.jsonl --device cuda --jobs 12
    python scripts/bench_families.py families.jsonl --table --plot docs/images/families.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bench_front
import bench_init
import family_trainings
import front_runs
import init_contenders as contenders
from family_table import SEARCHES, searches_of, table, trainings_of, write_plot
from init_contenders import Images
from init_trainings import Where
from work_off import Line, parser_of, read, work_off

BACKBONES = ("base", "vgg11", "resnet32")
SHARING = ("vgg11", "resnet32")
"""Backbones some of whose layers can share filters."""
PARTS = ("trainings", "searches")


@dataclass(frozen=True)
class Wanted:
    """All that is to be measured.

    Attributes:
        trainings: Of single nets.
        fronts: Whole searches.
        where: Where these are done.
    """

    trainings: Sequence[family_trainings.Task]
    fronts: Sequence[front_runs.Front]
    where: front_runs.Where

    def ready(self, lines: Sequence[Line]) -> list[Any]:
        """What can be done now and is not done yet."""
        found: list[Any] = list(bench_init.ready(self.trainings, trainings_of(lines)))
        done = [{name: line[name] for name in self._fields} for line in searches_of(lines)]
        searches = [front_runs.Task(front, self.where) for front in self.fronts]
        return found + [one for one in searches if one.key not in done]

    @property
    def _fields(self) -> tuple[str, ...]:
        return (*front_runs.Front.__dataclass_fields__, "place", "nets")


def do(task: Any) -> Sequence[Line]:
    """Do a training or a search and return its line."""
    return front_runs.do(task) if isinstance(task, front_runs.Task) else family_trainings.do(task)


def words(line: Line) -> str:
    """What is printed of a line."""
    if "trials_done" in line:
        return f"{line['kinds'] or 'own families'}: {bench_front.words(line)}"
    return bench_init.words(line)


def fronts(arguments: argparse.Namespace) -> list[front_runs.Front]:
    """Every search, of each seed first."""
    return [
        front_runs.Front(
            backbone,
            seed,
            arguments.dataset,
            arguments.train_images,
            arguments.image_size,
            arguments.trials,
            contenders.BACKBONE_EPOCHS,
            family_trainings.TRAINING[0],
            kinds=kinds,
        )
        for seed in range(arguments.seeds)
        for backbone in arguments.backbone or BACKBONES
        for kinds in SEARCHES.values()
        if backbone in SHARING or "shared" not in kinds
    ]


def main() -> int:
    arguments = _parser().parse_args()
    failed = 0
    if not arguments.table and not arguments.plot:
        failed = work_off(arguments.records, arguments.jobs, wanted(arguments).ready, do, words)
    lines = read(arguments.records)
    if arguments.plot:
        write_plot(lines, arguments.plot)
    print(table(lines))
    return 1 if failed else 0


def wanted(arguments: argparse.Namespace) -> Wanted:
    """What the arguments ask for."""
    folder = (arguments.folder or arguments.records.with_suffix(".runs")).resolve()
    images = Images.asked(arguments)
    made = partial(
        family_trainings.tasks,
        arguments.backbone or BACKBONES,
        arguments.size or family_trainings.SIZES,
        arguments.seeds,
        arguments.image_size,
        Where(folder / "starts", images, arguments.device),
    )
    parts = arguments.part or PARTS
    return Wanted(
        list(made()) if "trainings" in parts else [],
        fronts(arguments) if "searches" in parts else [],
        front_runs.Where(folder, arguments.data_dir, arguments.device),
    )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__, "processes")
    parser.add_argument("--folder", type=Path, help="of backbones and runs; beside the records")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="train nothing; write the plot (png, html)")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this")
    parser.add_argument("--backbone", action="append", choices=BACKBONES, help="only this; repeatable")
    parser.add_argument("--size", action="append", help="only this, such as 1/4; repeatable")
    parser.add_argument("--seeds", type=int, default=contenders.SEEDS)
    parser.add_argument("--trials", type=int, default=28, help="of a search")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--image-size", type=int, default=16, help="in pixels")
    contenders.image_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())

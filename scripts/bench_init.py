#!/usr/bin/env python
"""One model at a size: cut out of a trained backbone, from scratch, thinner, separable, or pruned.

What: Fashion-MNIST, 10,000 training and 5,000 validation images (no test image), `vgg11` at 1/4, 1/16 and
1/64 of its parameters and `base` at 1/4 and 1/16. The backbone is trained for 3 epochs. Ours is the model of
layers of any family, or of separable layers alone, that the sensitivity of layers and channels promises to
lose the least (a search proposes both in turn), cut out of the backbone and fine-tuned for 0, 1 and 3 epochs,
or trained from scratch for as many epochs in total. Rivals: nets of which every layer keeps the same share of
its channels, plain or separable, both ways; the backbone pruned by magnitude (the package torch-pruning); and
the model that the sensitivity of alphas alone promises, with all channels. Each with and without distillation
(learning from the backbone's outputs too). With --fastnas also what NVIDIA Model-Optimizer's FastNAS prunes
the backbone to (`pip install nvidia-modelopt torchprofile==0.0.4`). 3 seeds: mean and sample standard
deviation.

How: processes of one thread each; every finished training is one line of a file, so the script goes on where
it was stopped, and any beginning is a usable table. `base` gets images of 28 pixels, `vgg11` of 16, unless
--image-size says otherwise.

    python scripts/bench_init.py init.jsonl                       # about two hours on 2 idle cores
    python scripts/bench_init.py init.jsonl --device cuda --jobs 12
    python scripts/bench_init.py init.jsonl --table --plot docs/images/init.png
    python scripts/bench_init.py init.jsonl --backbone vgg11 --size 1/4 --size 1/16 --size 1/32 --fastnas
    python scripts/bench_init.py init.jsonl --convert     # seconds to cut resnet18 out of a trained one
    python scripts/bench_init.py init.jsonl --search      # searches from scratch and from the backbone
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import init_contenders as contenders
import torch
from init_contenders import Images, Net
from init_search import search, search_table
from init_table import table, write_plot
from init_trainings import Task, What, Where, do
from work_off import Line, read, work_off

from lcsearch.compress.cut_out import cut_out
from lcsearch.nets.surgery import build_model, uniform

IMAGE_SIZE = {"base": 28, "vgg11": 16}
CONVERT_IMAGE_SIZE = 32


def order(asked: argparse.Namespace, where: Where) -> Iterator[Task]:
    """Every task: what matters most of each seed, then the others."""
    backbones, image_size = asked.backbone or list(contenders.SIZES), asked.image_size
    for more in (False, True):
        for seed in range(asked.seeds):
            for backbone in [] if more else backbones:
                pixels = image_size or IMAGE_SIZE[backbone]
                what = What(backbone, seed, "backbone", "plain", "1", "", pixels)
                yield Task(what, ((0, 0.0),), where)
            for kind, shape, how, trainings in contenders.arms(more, asked.fastnas):
                for backbone in backbones:
                    net = Net(backbone, image_size or IMAGE_SIZE[backbone], where.images)
                    for size in asked.size or contenders.SIZES[backbone]:
                        if net.reaches(shape, size):
                            what = What(backbone, seed, kind, shape, size, how, net.image_size)
                            yield Task(what, trainings, where)


def ready(tasks: Sequence[Task], lines: Sequence[Line]) -> list[Task]:
    """What can be done now, with the trainings that are not done yet; all needs its backbone."""
    done: dict[What, set[contenders.Training]] = {}
    for line in lines:
        what = What(**{name: line[name] for name in What.__dataclass_fields__})
        done.setdefault(what, set()).add((line["epochs"], line["distill"]))
    there = {(what.backbone, what.seed) for what in done if what.kind == "backbone"}
    found = []
    for task in tasks:
        left = tuple(one for one in task.trainings if one not in done.get(task.what, ()))
        known = (task.what.backbone, task.what.seed) in there and task.start.teacher.is_file()
        if task.what.kind == "backbone" and not known:
            found.append(task)
        elif task.what.kind != "backbone" and known and left:
            found.append(replace(task, trainings=left))
    return found


def words(line: Line) -> str:
    """What is printed of a line."""
    what = " ".join(str(line[name]) for name in ("backbone", "size", "kind", "shape", "how") if line[name])
    distilled = ", distilled" if line["distill"] else ""
    reached = f"{line['accuracy'][-1]:.2f} %, {line['params']} parameters, {line['seconds']:.0f} s"
    return f"{what}, seed {line['seed']}, {line['epochs']} epochs{distilled}: {reached}"


def convert(device: str) -> None:
    """Print how long it takes to cut resnet18 down to alpha 1/4 on two cores."""
    torch.set_num_threads(2)
    net = Net("resnet18", CONVERT_IMAGE_SIZE, Images())
    torch.manual_seed(0)
    model = build_model(net.plain).eval()
    spec = replace(net.plain, layers=uniform(model, "linear", alpha=0.25))
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        cut_out(model, spec, net.data, device=device)
        seconds.append(time.perf_counter() - begin)
    print(f"resnet18, alpha 1/4 in every layer, {CONVERT_IMAGE_SIZE} pixels, 2 threads: "
          f"{statistics.median(seconds):.1f} s (median of 3)")  # fmt: skip


def main() -> int:
    arguments = _parser().parse_args()
    records, size = arguments.records, arguments.image_size
    if arguments.search:
        search(records, size or IMAGE_SIZE["base"], arguments.jobs)
        print(search_table(records, size or IMAGE_SIZE["base"]))
    if arguments.convert:
        convert(arguments.device)
    if arguments.table:
        print(table(read(records)))
    if arguments.plot:
        write_plot(read(records), arguments.plot)
    if arguments.search or arguments.convert or arguments.table or arguments.plot:
        return 0
    images = Images.asked(arguments)
    folder = arguments.folder or records.with_suffix(".starts")
    where = Where(folder, images, arguments.device)
    tasks = [
        task
        for task in order(arguments, where)
        if task.what.kind == "backbone" or _wanted(task.what, arguments.only)
    ]
    failed = work_off(records, arguments.jobs, partial(ready, tasks), do, words)
    print(table(read(records)))
    return 1 if failed else 0


def _wanted(what: What, only: Sequence[str] | None) -> bool:
    return not only or f"{what.kind}-{what.shape.replace(' ', '-')}" in only


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", type=Path, help="file of finished trainings; continued if there")
    parser.add_argument("--folder", type=Path, help="of the trained backbones; beside the records")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--backbone", action="append", choices=list(contenders.SIZES), help="repeatable")
    parser.add_argument("--size", action="append", help="only this, such as 1/32; repeatable")
    parser.add_argument("--fastnas", action="store_true", help="also NVIDIA Model-Optimizer's pruning")
    parser.add_argument("--only", action="append", help="only this, such as cut-thinner; repeatable")
    parser.add_argument("--seeds", type=int, default=contenders.SEEDS)
    parser.add_argument("--image-size", type=int, help="in pixels, for every backbone")
    contenders.image_options(parser)
    parser.add_argument("--table", action="store_true", help="train nothing; print the Markdown table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="train nothing; write the plot (png, html)")
    parser.add_argument("--convert", action="store_true", help="train nothing; time cutting resnet18")
    parser.add_argument("--search", action="store_true", help="search base both ways; print the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python
"""Nets of one size from scratch: thinner, with mild alphas, separable.

What: Fashion-MNIST, images of 16 pixels, 30,000 training and 10,000 validation images (no test image), 5
epochs of the default recipe from scratch, no teacher; `base` has 10,000 images and 6 epochs, since that is
what limits it. At each number of parameters nets with one share of all channels that may go: plain; with
alpha 1/2 in the third quarter of the layers that may have one and 1/4 in the last; with every layer separable
that may be; and of `vgg11` with the last five of these alone. 3 seeds: mean and sample standard deviation.

How: processes of one thread each; every finished training is one line of a file, so the script goes on where
it was stopped, and any beginning is a usable table.

    python scripts/bench_separable.py separable.jsonl                # about two hours on 2 idle cores
    python scripts/bench_separable.py separable.jsonl --device cuda --jobs 12
    python scripts/bench_separable.py separable.jsonl --table
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from bound_space import bound_space
from init_contenders import DATASET, Images, nearest
from init_table import spread
from work_off import Line, parser_of, read, work_off

from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model
from lcsearch.search.proposals.handpicked import thinner_of
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import Layers
from lcsearch.train import train

SIZES = {
    "vgg11": (150_000, 400_000, 1_200_000),
    "resnet18": (200_000, 700_000),
    "base": (6_000, 12_000, 25_000),
}
SHAPES = {
    "plain": "thinner",
    "alpha": "width × mild alpha",
    "separable": "separable × width",
    "deep": "deep layers separable × width",
}
"""What the table calls each net."""
DEEP = {"vgg11": 5}
"""How many of the last layers are separable where only the deep ones are."""
IMAGES = {"base": (10_000, 5_000)}
EPOCHS = {"base": 6}
IMAGE_SIZE, SEEDS = 16, 3


@dataclass(frozen=True)
class What:
    """One training.

    Attributes:
        backbone: Of the net.
        size: Wanted parameters.
        shape: ``plain``, ``alpha``, ``separable`` or ``deep``.
        seed: Of everything random.
    """

    backbone: str
    size: int
    shape: str
    seed: int


@dataclass(frozen=True)
class Task:
    """One training, and where it is done."""

    what: What
    data_dir: str | None
    device: str


def do(task: Task) -> Sequence[Line]:
    """Train one net and return its line."""
    torch.set_num_threads(1)
    begin, what = time.perf_counter(), task.what
    training, validation = IMAGES.get(what.backbone, (30_000, 10_000))
    data = Images(DATASET, task.data_dir, training, validation).load(IMAGE_SIZE)
    plain = ModelSpec(what.backbone, data.info.num_classes, data.info.in_channels)
    seed_everything(what.seed)
    model = build_model(made(bound_space(plain, IMAGE_SIZE, families=None), what))
    recipe = Recipe(epochs=EPOCHS.get(what.backbone, 5))
    result = train(model, data, recipe, Regularizer(), seed=what.seed, device=task.device)
    params = count(model, (data.info.in_channels, IMAGE_SIZE, IMAGE_SIZE)).params
    accuracies = [round(metrics.accuracy, 4) for metrics in result.history]
    seconds = round(time.perf_counter() - begin, 1)
    line = {"params": params, "accuracy": accuracies, "device": task.device, "seconds": seconds}
    return [{**asdict(what), **line}]


def made(bound: BoundSpace, what: What) -> ModelSpec:
    """The net of a shape that is nearest to a size."""
    makers: dict[str, Callable[[float], ModelSpec]] = {
        "plain": bound.thinner,
        "alpha": partial(mild, bound),
        "separable": partial(thinner_of, bound, "separable"),
        "deep": partial(deep, bound, DEEP.get(what.backbone, 0)),
    }
    make = makers[what.shape]
    return make(nearest(lambda share: bound.params(make(share)), what.size))


def mild(bound: BoundSpace, share: float) -> ModelSpec:
    """Alpha 1/2 in the third quarter of the layers that may have one, 1/4 in the last, and fewer channels."""
    kept, layers = bound.thinning.allowed_at(share), Layers()
    shapes = bound.shapes(kept)
    groups = [group for group in bound.groups if "linear" in group.offers]
    for place, group in enumerate(groups):
        if 2 * place >= len(groups):
            alpha = 0.25 if 4 * place >= 3 * len(groups) else 0.5
            layers |= group.offers["linear"].at_share(alpha, shapes)
    return bound.model(kept, layers)


def deep(bound: BoundSpace, layers: int, share: float) -> ModelSpec:
    """The last layers separable alone, and fewer channels."""
    made = thinner_of(bound, "separable", share)
    kept = list(made.layers)[-layers:]
    return replace(made, layers={name: made.layers[name] for name in kept})


def tasks(wanted: Sequence[Task], lines: Sequence[Line]) -> list[Task]:
    """What is not done yet."""
    done = {What(**{name: line[name] for name in What.__dataclass_fields__}) for line in lines}
    return [task for task in wanted if task.what not in done]


def order(backbones: Sequence[str], seeds: int) -> Iterator[What]:
    """What is compared first, of each seed; then nets with mild alphas."""
    for shapes in (("separable", "deep", "plain"), ("alpha",)):
        for seed in range(seeds):
            for backbone in backbones:
                for size in SIZES[backbone]:
                    own = (shape for shape in shapes if shape != "deep" or backbone in DEEP)
                    yield from (What(backbone, size, shape, seed) for shape in own)


def table(lines: Sequence[Line]) -> str:
    """Validation accuracy after the last epoch, and parameters, as Markdown."""
    rows = [
        "| net, parameters | " + " | ".join(SHAPES.values()) + " |",
        "|---|" + "---|" * len(SHAPES),
    ]
    for backbone, sizes in SIZES.items():
        for size in sizes:
            own = [line for line in lines if (line["backbone"], line["size"]) == (backbone, size)]
            if own:
                cells = [_cell([line for line in own if line["shape"] == shape]) for shape in SHAPES]
                rows.append(f"| `{backbone}`, {size:,} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _cell(lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    return f"{spread([line['accuracy'][-1] for line in lines])} ({lines[0]['params']:,})"


def words(line: Line) -> str:
    """What is printed of a line."""
    return (
        f"{line['backbone']} {line['shape']}, seed {line['seed']}: {line['params']} parameters, "
        f"{line['accuracy'][-1]:.2f} %, {line['seconds']:.0f} s"
    )


def main() -> int:
    parser = parser_of(__doc__, "trainings at a time")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--backbone", action="append", choices=list(SIZES), help="only this; repeatable")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--data-dir", help="where the data set's files are")
    arguments = parser.parse_args()
    failed = 0
    if not arguments.table:
        wanted = [
            Task(what, arguments.data_dir, arguments.device)
            for what in order(arguments.backbone or list(SIZES), arguments.seeds)
        ]
        failed = work_off(arguments.records, arguments.jobs, partial(tasks, wanted), do, words)
    print(table(read(arguments.records)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python
"""Which models promise most, before any is trained: cut out of a trained backbone, or parts of a shared net.

What: Fashion-MNIST at 16 pixels, 10,000 training and 5,000 validation images (no test image). Of `base`,
`vgg11` and `resnet18`, trained for 3 epochs, 24 random models of their own space are cut out and fine-tuned
for one epoch. Their validation accuracies are set against what was known before: accuracies on 1,000 training
images that nothing was fitted to, and on 250 of them, of models cut out as for training, cut out as
``--screen`` does, and of models that share the weights of one net (`shared_net.py`; of `base` and `vgg11`),
which trains from the backbone's weights for 1 or 3 epochs, or from scratch for 6. Spearman's coefficient, the
same given the size, and Kendall's.

How: processes of one thread each; every measurement is one line of a file, so the script goes on where it was
stopped. Seconds are processor time. Epochs count images that went forward through a net, of training three
times as many, by three times the training images.

    python scripts/bench_ranking.py ranking.jsonl                   # about an hour of one core
    python scripts/bench_ranking.py ranking.jsonl --table
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from functools import partial

import init_contenders as contenders
from init_contenders import Images
from init_trainings import Where
from ranking_trainings import COUNTS, Task, do, tasks
from scipy.stats import kendalltau, spearmanr
from work_off import Line, parser_of, read, work_off

BACKBONES, SHARED = ("base", "vgg11", "resnet18"), ("base", "vgg11")
MODELS = 24
FORWARD = 3
"""Images forward that one image of a training counts as."""
_ROUNDING = 1e-9


def ready(every: Sequence[Task], lines: Sequence[Line]) -> list[Task]:
    """What can be done now and is not done yet; all needs its backbone."""
    done = {(line["backbone"], line["kind"], line["shape"]) for line in lines}
    trained = {backbone for backbone, kind, _ in done if kind == "backbone"}
    return [
        task
        for task in every
        if (task.what.backbone, task.what.kind, task.what.shape) not in done
        and (task.what.kind == "backbone") == (task.what.backbone not in trained)
    ]


def words(line: Line) -> str:
    """What is printed of a line."""
    model = f" {line['model']}" if "model" in line else ""
    after = f", then {line['after']:.2f} %" if "after" in line else ""
    return f"{line['backbone']} {line['kind']}{model}: {line['accuracy'][-1]:.2f} %{after}"


def given(one: Sequence[float], other: Sequence[float], size: Sequence[float]) -> float | None:
    """Spearman's coefficient without what the size says of both; None where size says all of either."""
    first, second = _rank(one, size), _rank(other, size)
    rest = (1 - first**2) * (1 - second**2)
    return None if rest < _ROUNDING else (_rank(one, other) - first * second) / math.sqrt(rest)


def table(lines: Sequence[Line], images: int) -> str:
    """A Markdown table for each backbone.

    Args:
        lines: What was measured.
        images: Training images of an epoch.
    """
    return "\n\n".join(
        "\n".join(_table([line for line in lines if line["backbone"] == backbone], backbone, images))
        for backbone in BACKBONES
        if any(line["backbone"] == backbone and line["kind"] == "tuned" for line in lines)
    )


def _table(lines: Sequence[Line], backbone: str, images: int) -> Iterator[str]:
    after = {line["model"]: line for line in lines if line["kind"] == "tuned"}
    sizes, ends = ([one[name] for one in after.values()] for name in ("params", "after"))
    yield f"**`{backbone}`**, {len(after)} models of {min(sizes):,} to {max(sizes):,} parameters, "
    yield f"{min(ends):.1f} to {max(ends):.1f} % after fine-tuning"
    yield ""
    yield f"| | images | Spearman | given the size | Kendall | seconds a model | epochs of {len(after)} |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    yield f"| size alone | | {_rank(sizes, ends):.2f} | | {_kendall(sizes, ends):.2f} | | |"
    for name, own in _sources(lines, after):
        for place, count in enumerate(COUNTS):
            found = [own[model]["accuracy"][place] for model in after]
            apart = given(found, ends, sizes)
            apart_words = "" if apart is None else f"{apart:.2f}"
            ranks = f"{_rank(found, ends):.2f} | {apart_words} | {_kendall(found, ends):.2f}"
            yield f"| {name} | {count:,} | {ranks} | {_seconds(own):.2f} | {_epochs(own, count, images)} |"


def _sources(lines: Sequence[Line], after: dict[int, Line]) -> Iterator[tuple[str, dict[int, Line]]]:
    """What models may be ranked by, where all are known."""
    yield "cut out as for training", after
    others = [line for line in lines if line["kind"] in ("quick", "shared")]
    for name in dict.fromkeys(line["shape"] for line in others):
        own = {line["model"]: line for line in others if line["shape"] == name}
        if own.keys() >= after.keys():
            yield name or "cut out as for screening", own


def _rank(one: Sequence[float], other: Sequence[float]) -> float:
    return float(spearmanr(one, other).statistic)


def _kendall(one: Sequence[float], other: Sequence[float]) -> float:
    return float(kendalltau(one, other).statistic)


def _seconds(own: dict[int, Line]) -> float:
    """Of one model, its share of the shared net's training included."""
    each = [float(line["cut_seconds" if "cut_seconds" in line else "seconds"]) for line in own.values()]
    trained = max(float(line.get("trained_seconds", 0.0)) for line in own.values())
    return statistics.mean(each) + trained / len(own)


def _epochs(own: dict[int, Line], count: int, images: int) -> str:
    """Of all models; nothing where it was not counted."""
    if not all("images" in line for line in own.values()):
        return ""
    seen = sum(line["images"] + count for line in own.values())
    trained = max(line.get("trained_images", 0) for line in own.values())
    return f"{(seen + FORWARD * trained) / (FORWARD * images):.2f}"


def main() -> int:
    arguments = _parser().parse_args()
    failed = 0
    if not arguments.table:
        images = Images.asked(arguments)
        where = Where(arguments.records.with_suffix(".starts").resolve(), images, "cpu")
        every = tasks(arguments.backbone or BACKBONES, SHARED, arguments.models, arguments.image_size, where)
        failed = work_off(arguments.records, arguments.jobs, partial(ready, list(every)), do, words)
    print(table(read(arguments.records), arguments.train_images))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__, "processes")
    parser.add_argument("--backbone", action="append", choices=BACKBONES, help="only this; repeatable")
    parser.add_argument("--models", type=int, default=MODELS, help="of each backbone")
    parser.add_argument("--image-size", type=int, default=16, help="in pixels")
    contenders.image_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())

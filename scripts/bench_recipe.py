#!/usr/bin/env python
"""What each default of the training recipe is worth, in validation accuracy after every epoch.

Trains one backbone with the default recipe, and again with one field changed at a time, from the same
weights and data order. Fashion-MNIST, 10,000 training and 5,000 validation images; a CPU thread does `base`
in about a minute a run.

    python scripts/bench_recipe.py --backbone base --seeds 3
    python scripts/bench_recipe.py --backbone allconv --change clip=0 --change lr=0.02
"""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from typing import Any

import click
import torch

from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import SearchData, load
from lcsearch.nets import backbones
from lcsearch.train import TrainingFailed, train

CHANGES = (
    "average=0",
    "clip=0",
    "warmup=0.1",
    "batch_size=128",
    "lr=0.02",
    "lr=0.1",
    "weight_decay=0.002",
    "label_smoothing=0.1",
    "flip=true",
    "crop=2",
    "precision=bfloat16",
)


def changed(recipe: Recipe, change: str) -> Recipe:
    name, text = change.split("=")
    value: Any = text if name == "precision" else json.loads(text)
    return replace(recipe, **{name: value})


def accuracies(backbone: str, width: float, recipe: Recipe, data: SearchData, seed: int) -> list[float]:
    seed_everything(seed)
    info = data.info
    model = backbones.build(backbone, num_classes=info.num_classes, in_channels=info.in_channels, width=width)
    result = train(model, data, recipe, Regularizer(), seed=seed)
    return [metrics.accuracy for metrics in result.history]


def line(runs: list[list[float]]) -> str:
    per_epoch = list(zip(*runs, strict=True))
    means = "  ".join(f"{statistics.mean(column):6.2f}" for column in per_epoch)
    return f"{means}   (last epoch: {min(per_epoch[-1]):.2f} to {max(per_epoch[-1]):.2f})"


@click.command(help=__doc__)
@click.option("--backbone", default="base")
@click.option("--width", default=1.0)
@click.option("--epochs", default=Recipe().epochs)
@click.option("--seeds", default=1)
@click.option("--train-images", default=10_000)
@click.option("--validation-images", default=5_000)
@click.option("--change", "changes", multiple=True, default=CHANGES, help="FIELD=VALUE; repeatable.")
def main(
    backbone: str,
    width: float,
    epochs: int,
    seeds: int,
    train_images: int,
    validation_images: int,
    changes: tuple[str, ...],
) -> None:
    torch.set_num_threads(1)
    data = load("fashion-mnist", train_images=train_images, validation_images=validation_images)
    default = replace(Recipe(), epochs=epochs)
    for label, recipe in [("default", default), *((c, changed(default, c)) for c in changes)]:
        try:
            runs = [accuracies(backbone, width, recipe, data, seed) for seed in range(seeds)]
            click.echo(f"{label:22}{line(runs)}")
        except TrainingFailed as failure:
            click.echo(f"{label:22}{failure}")


if __name__ == "__main__":
    main()

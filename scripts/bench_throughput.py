#!/usr/bin/env python
"""Training images per second of a plain backbone, against a minimal PyTorch loop tuned by hand.

Both sides train the same net on the same images in memory, channels-last, with the same precision, threads,
batches and learning rates, by turns and in one process. The loop by hand has its images normalised
beforehand, and does nothing that the arithmetic does not need: shuffle, forward, cross entropy, backward,
SGD in one pass. What lcsearch does beside that is in its number: normalising, cutting the gradient's norm,
averaged weights, looking at losses, a seed for each epoch. Neither evaluates. The first epoch of each
training warms up and is not counted. At least 0.95 of the loop's images per second is wanted.

    python scripts/bench_throughput.py                        # vgg11, base, resnet18, float32, 28 pixels
    python scripts/bench_throughput.py vgg11 --precision bfloat16 --image-size 16
    python scripts/bench_throughput.py --clock processor      # on a machine that also does something else
    python scripts/bench_throughput.py --ladder               # what each thing that lcsearch does saves
    python scripts/bench_throughput.py --ladder --alpha 1     # of the plain net

``--ladder`` takes a loop as one writes it (`throughput_ladder.py`), `vgg11` of LinearConv layers, and each
thing that makes lcsearch's faster alone, then all of it, then lcsearch: times the images per second by hand.
Half as many images validate after each epoch. All take turns on one core, and their processor time is taken,
which other work disturbs less; the median of the repeats is shown, the least and the largest.

Of the repeats the fastest epoch of each side is shown, which what else runs disturbs least, and the least
and largest ratio of a pair. ``--clock processor`` counts the processor's seconds, on one thread those that
what else runs disturbs less.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import click
import torch
import torch.nn.functional as F
from throughput_ladder import ladder, lines
from torch import nn

from lcsearch.core.freed_memory import keep_freed_memory
from lcsearch.core.machine import device_name
from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import ModelSpec, Precision, Recipe, Regularizer
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.nets.layout import channels_last
from lcsearch.nets.surgery import build_model
from lcsearch.train import train
from lcsearch.train.results import EpochMetrics
from lcsearch.train.schedule import learning_rate

CLASSES = 10
EPOCHS = 2
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "processor": time.process_time}
WANTED = 0.95

Seconds = Callable[[], float]


def made_images(count: int, size: int) -> SearchData:
    """Noise with labels at random; next to nothing to validate on."""

    def split(images: int) -> Split:
        pixels = torch.randint(0, 256, (images, 1, size, size), dtype=torch.uint8)
        return Split(pixels, torch.randint(0, CLASSES, (images,)))

    return SearchData(
        DatasetInfo("noise", CLASSES, 1, size, (0.5,), (0.3,), False, 0), split(count), split(1)
    )


def ours(net: nn.Module, data: SearchData, recipe: Recipe, device: str, clock: Seconds) -> float:
    """Seconds of the last epoch by lcsearch."""
    stamps = []

    def report(metrics: EpochMetrics) -> bool:
        stamps.append(stamped(device, clock))
        return True

    train(net, data, recipe, Regularizer(), seed=0, device=device, report=report)
    return stamps[-1] - stamps[-2]


def by_hand(net: nn.Module, data: SearchData, recipe: Recipe, device: str, clock: Seconds) -> float:
    """Seconds of the last epoch by the minimal loop."""
    net = channels_last(net, torch.device(device)).train()
    pixels = data.train.images.to(device, torch.float32) / 255
    images = (pixels - data.info.mean[0]) / data.info.std[0]
    labels = data.train.labels.to(device)
    optimizer = torch.optim.SGD(
        net.parameters(),
        recipe.lr,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=True,
        fused=True,
    )
    per_epoch = len(labels) // recipe.batch_size
    begin = 0.0
    for epoch in range(recipe.epochs):
        begin = stamped(device, clock)
        for step, chosen in enumerate(batches(len(labels), recipe.batch_size, device)):
            rate = learning_rate(
                epoch * per_epoch + step, recipe.epochs * per_epoch, recipe.lr, recipe.warmup
            )
            optimizer.param_groups[0]["lr"] = rate
            with torch.autocast(device, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                scores = net(images[chosen])
            loss = F.cross_entropy(scores.float(), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return stamped(device, clock) - begin


def batches(images: int, size: int, device: str) -> Iterator[torch.Tensor]:
    """Places of images, shuffled, without the last, smaller batch."""
    order = torch.randperm(images).to(device)
    return iter(order[: images // size * size].split(size))


def stamped(device: str, clock: Seconds) -> float:
    """The time once the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return clock()


def compare(
    backbone: str, data: SearchData, recipe: Recipe, device: str, repeats: int, clock: Seconds
) -> tuple[float, float, list[float]]:
    """The fastest epoch of either side, ours first, and the ratio of each pair."""
    pairs = []
    for _ in range(repeats):
        pair = []
        for side in (ours, by_hand):
            seed_everything(0)
            pair.append(side(build_model(ModelSpec(backbone, CLASSES, 1)), data, recipe, device, clock))
        pairs.append(pair)
    mine, theirs = (min(column) for column in zip(*pairs, strict=True))
    return mine, theirs, sorted(hand / own for own, hand in pairs)


@click.command()
@click.argument("backbones", nargs=-1)
@click.option("--image-size", type=int, help="[default: 28; of the ladder 32, the least that its net takes]")
@click.option("--images", default=1024, show_default=True, help="Of an epoch.")
@click.option("--batch", default=64, show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--ladder", "steps", is_flag=True, help="What each thing saves that lcsearch does.")
@click.option("--alpha", default=0.25, show_default=True, help="Of the ladder's layers; 1 for the plain net.")
@click.option("--clock", type=click.Choice(list(CLOCKS)), default="wall", show_default=True)
def main(
    backbones: tuple[str, ...],
    image_size: int | None,
    images: int,
    batch: int,
    precision: Precision,
    threads: int,
    repeats: int,
    device: str,
    steps: bool,
    alpha: float,
    clock: str,
) -> None:
    torch.set_num_threads(threads)
    image_size = image_size or (32 if steps else 28)
    data = made_images(images, image_size)
    recipe = replace(Recipe(), epochs=EPOCHS, batch_size=batch, precision=precision)
    click.echo(
        f"{device_name(device)}, {platform.system()}, torch {torch.__version__}, {threads} threads, "
        f"{precision}, batches of {batch}, {image_size} pixels, {clock} clock, {repeats} repeats"
    )
    if steps:
        judged = replace(data, validation=made_images(images // 2, image_size).train)
        for line in lines(ladder(alpha, precision, judged, batch, threads, repeats)):
            click.echo(line)
        return
    if device == "cpu":
        keep_freed_memory()
    click.echo("net         lcsearch   by hand   images/s    ratio of the fastest, of pairs")
    for backbone in backbones or ("vgg11", "base", "resnet18"):
        mine, hand, ratios = compare(backbone, data, recipe, device, repeats, CLOCKS[clock])
        counted = images // batch * batch
        click.echo(
            f"{backbone:10} {counted / mine:9.1f} {counted / hand:9.1f}               "
            f"{hand / mine:.3f}  {ratios[0]:.3f} to {ratios[-1]:.3f}"
            f"{'' if hand / mine >= WANTED else f'  (wanted: {WANTED})'}"
        )


if __name__ == "__main__":
    main()

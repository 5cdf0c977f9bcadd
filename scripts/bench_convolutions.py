#!/usr/bin/env python
"""What convolutions by few products (`lcsearch.layers.fast_convolution`) save of training and of evaluation.

A training step (forward, backward) and an evaluation of whole backbones, and of nets that are thinner by one
factor, with PyTorch's convolutions and with those; on a CPU, channels-last, freed memory kept. In bfloat16
there is no evaluation, for lcsearch evaluates in both precisions; a step in float32 by few products stands
beside the others. All take turns in one process, in random order; shown are the median ratio to PyTorch's
and the spread of the middle half of the ratios. With one thread its processor time is taken, which other
work disturbs less.

    python scripts/bench_convolutions.py                      # vgg11 and thinner ones, resnet18, base
    python scripts/bench_convolutions.py --precision bfloat16
    python scripts/bench_convolutions.py resnet34 --image-size 16 --threads 2
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import click
import torch
import torch.nn.functional as F
from bench_timing import compare
from torch import Tensor, nn

from lcsearch.core.autocast import arithmetic
from lcsearch.core.freed_memory import keep_freed_memory
from lcsearch.core.machine import device_name
from lcsearch.core.spec import Precision
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets import backbones
from lcsearch.nets.layout import channels_last

NETS = ("vgg11", "vgg11 0.7", "vgg11 0.5", "vgg11 0.35", "resnet18", "base")
Way = Callable[[nn.Module], AbstractContextManager[object]]


def few_products(net: nn.Module) -> AbstractContextManager[object]:
    return fast_convolutions(net, "cpu")


WAYS: dict[str, Way] = {"PyTorch's": lambda _: nullcontext(), "few products": few_products}


def net_of(words: str) -> nn.Module:
    """A backbone, and the factor of its channels where one follows its name."""
    name, _, width = words.partition(" ")
    return channels_last(
        backbones.build(name, num_classes=10, in_channels=1, width=float(width or 1)), torch.device("cpu")
    )


def step(net: nn.Module, images: Tensor, way: Way, precision: Precision) -> None:
    net.train().zero_grad(set_to_none=True)
    with way(net), arithmetic(precision, "cpu"):
        scores = net(images)
    F.cross_entropy(scores.float(), torch.zeros(len(images), dtype=torch.long)).backward()


@torch.no_grad()
def evaluation(net: nn.Module, images: Tensor, way: Way) -> None:
    net.eval()
    with way(net):
        net(images)


@click.command()
@click.argument("nets", nargs=-1)
@click.option("--image-size", default=32, show_default=True)
@click.option("--batch", default=64, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--repeats", default=9, show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
def main(
    nets: tuple[str, ...], image_size: int, batch: int, threads: int, repeats: int, precision: Precision
) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    keep_freed_memory()
    machine = f"torch {torch.__version__}, {device_name('cpu')}, {threads} threads"
    click.echo(f"{machine}, {batch} images, {precision}")
    images = torch.randn(batch, 1, image_size, image_size)
    for words in nets or NETS:
        net = net_of(words)
        steps = {name: partial(step, net, images, way, precision) for name, way in WAYS.items()}
        if precision == "bfloat16":
            steps["few products, float32"] = partial(step, net, images, few_products, "float32")
        compare(f"{words}, training step", steps, repeats, "cpu")
        if precision == "float32":
            looks = {name: partial(evaluation, net, images, way) for name, way in WAYS.items()}
            compare(f"{words}, evaluation", looks, repeats, "cpu")


if __name__ == "__main__":
    main()

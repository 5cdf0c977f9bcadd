#!/usr/bin/env python
"""Trials at once on one device: images per second of all, beside one trial whose steps are asked for singly.

So many processes train the same net by lcsearch, each on noise of its own in the device's memory, and start
together when all have made their first steps. Rows are numbers of processes, with the operations of a step
asked for one by one and, on a CUDA GPU, with a graph of the whole step. `times` is over the first row. How
busy the GPU is, nvidia-smi says: the share of time in which it does anything. Nothing is evaluated.

Processes share a GPU by turns unless NVIDIA's Multi-Process Service runs; the head says whether it does.

    python scripts/bench_at_once.py --device cuda                         # vgg11 and resnet18; 1, 4 and 16
    python scripts/bench_at_once.py vgg11 --alpha 0.25 --at-once 1 --at-once 8 --device cuda
    python scripts/bench_at_once.py base --at-once 1 --at-once 2 --seconds 5   # on a CPU
"""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from statistics import mean
from typing import Any

import click
import torch
from bench_throughput import made_images
from throughput_ladder import spec_of

from lcsearch.core.freed_memory import keep_freed_memory
from lcsearch.core.machine import device_name
from lcsearch.core.pace import Pace, told_to
from lcsearch.core.spec import Precision, Recipe, Regularizer
from lcsearch.nets.surgery import build_model
from lcsearch.train import captured, train

EPOCHS = 10_000
"""More than there is time for."""
PATIENCE = 120.0
"""Seconds until all processes must be ready."""


@dataclass(frozen=True)
class Trial:
    """What each process trains.

    Attributes:
        backbone: The net.
        alpha: Of its convolutions but the first; 1 for the plain net.
        images: Of an epoch.
        size: Of an image, in pixels.
        batch: Images of a step.
        precision: Of forward and backward.
        device: Where.
        graphs: Whether steps are captured.
        seconds: How long it is counted.
    """

    backbone: str
    alpha: float
    images: int
    size: int
    batch: int
    precision: Precision
    device: str
    graphs: bool
    seconds: float


@dataclass(frozen=True)
class Row:
    """What was measured of so many processes.

    Attributes:
        rate: Images per second of all.
        busy: Share of time in which the GPU did anything, in percent; NaN on a CPU.
        memory: GiB of the GPU's memory that were taken; NaN on a CPU.
    """

    rate: float
    busy: float
    memory: float


class EnoughError(Exception):
    """All that is counted has been trained."""


def work(trial: Trial, ready: Any, results: Any) -> None:
    """Train in this process; count when all are ready."""
    torch.set_num_threads(1)
    if trial.device == "cpu":
        keep_freed_memory()
    captured.WORTH = captured.WORTH if trial.graphs else EPOCHS * trial.images
    counted: list[Pace] = []
    begun = math.nan

    def listen(pace: Pace) -> None:
        nonlocal begun
        if math.isnan(begun):
            ready.wait(PATIENCE)
            begun = time.monotonic()
        elif pace.begun >= begun:
            counted.append(pace)
            if pace.ended - begun >= trial.seconds:
                raise EnoughError

    recipe = replace(Recipe(), epochs=EPOCHS, batch_size=trial.batch, precision=trial.precision)
    data, net = made_images(trial.images, trial.size), build_model(spec_of(trial.backbone, trial.alpha))
    try:
        with told_to(listen):
            train(net, data, recipe, Regularizer(), seed=0, device=trial.device)
    except EnoughError:
        seconds = sum(pace.ended - pace.begun for pace in counted)
        results.put(sum(pace.steps for pace in counted) * trial.batch / seconds)


def measure(trial: Trial, at_once: int) -> Row:
    """Let so many processes train at once."""
    context = get_context("spawn")
    ready, results = context.Barrier(at_once + 1), context.Queue()
    processes = [context.Process(target=work, args=(trial, ready, results)) for _ in range(at_once)]
    for process in processes:
        process.start()
    try:
        ready.wait(PATIENCE)
        seen = list(looks(trial.seconds)) if trial.device == "cuda" else []
        rate = sum(results.get(timeout=PATIENCE) for _ in processes)
    finally:
        for process in processes:
            process.join(10)
            if process.is_alive():
                process.kill()
    busy, memory = zip(*seen, strict=True) if seen else ([math.nan], [math.nan])
    return Row(rate, mean(busy), max(memory))


def looks(seconds: float) -> Iterator[tuple[float, float]]:
    """How busy the GPU is in percent, and GiB that are taken, several times a second."""
    end = time.monotonic() + seconds
    asked = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
    while time.monotonic() < end:
        said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0]
        busy, mebibytes = map(float, said.split(","))
        yield busy, mebibytes / 1024
        time.sleep(0.2)


def shared_service() -> bool:
    """Whether NVIDIA's Multi-Process Service runs."""
    found = subprocess.run(["pgrep", "-f", "nvidia-cuda-mps-control -d"], capture_output=True, check=False)
    return found.returncode == 0


@click.command()
@click.argument("backbones", nargs=-1)
@click.option("--at-once", type=int, multiple=True, default=(1, 4, 16), show_default=True)
@click.option("--alpha", default=1.0, show_default=True)
@click.option("--image-size", default=28, show_default=True)
@click.option("--images", default=10_000, show_default=True, help="Of an epoch; it must take 0.2 s.")
@click.option("--batch", default=64, show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--seconds", default=5.0, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--steps", type=click.Choice(["single", "graph"]), multiple=True, help="Only these.")
def main(
    backbones: Sequence[str],
    at_once: Sequence[int],
    alpha: float,
    image_size: int,
    images: int,
    batch: int,
    precision: Precision,
    seconds: float,
    device: str,
    steps: Sequence[str],
) -> None:
    service = f", Multi-Process Service {'on' if shared_service() else 'off'}" if device == "cuda" else ""
    click.echo(
        f"{device_name(device)}{service}, torch {torch.__version__}, {precision}, batches of {batch}, "
        f"{image_size} pixels, alpha {alpha:g}, {seconds:g} s each"
    )
    click.echo("net        steps    at once   images/s   times   busy, %    GiB")
    ways = steps or (("single", "graph") if device == "cuda" else ("single",))
    for backbone in backbones or ("vgg11", "resnet18"):
        made = partial(Trial, backbone, alpha, images, image_size, batch, precision, device)
        first = math.nan
        for number in at_once:
            for way in ways:
                row = measure(made(way == "graph", seconds), number)
                first = row.rate if math.isnan(first) else first
                click.echo(
                    f"{backbone:10} {way:8} {number:7} {row.rate:10.0f} {row.rate / first:7.2f} "
                    f"{row.busy:9.0f} {row.memory:6.1f}"
                )


if __name__ == "__main__":
    main()

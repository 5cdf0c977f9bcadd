#!/usr/bin/env python
"""How layers should start: ours (filters as large as those of the convolution that was there) or published.

Published of LinearConv: coefficients from U(-0.1, 0.1). Of separable layers: each of the two convolutions as
PyTorch draws it, and no scale taken over.

1. Standard deviation of what every batch norm of the net sees at the start, over the plain net's.
2. Validation accuracy after a short training, mean over seeds.
Real Fashion-MNIST images; the same seeds, data order and recipe on both sides.

    python scripts/bench_initialization.py --seeds 3 --train-images 3000 --epochs 2
    python scripts/bench_initialization.py --family separable --terms 1 --rank 8 --seeds 3
"""

from __future__ import annotations

import statistics
from typing import Any

import click
import torch
from torch import nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import Batches, SearchData, load
from lcsearch.layers import FamilyLayer, SeparableConv2d
from lcsearch.layers.models import family_layers
from lcsearch.nets import backbones
from lcsearch.nets.surgery import convert, uniform
from lcsearch.train import train


def net(
    data: SearchData, backbone: str, width: float, layers: dict[str, Any] | None, published: bool, seed: int
) -> nn.Module:
    torch.manual_seed(seed)
    info = data.info
    model = backbones.build(backbone, num_classes=info.num_classes, in_channels=info.in_channels, width=width)
    if layers is not None:
        convert(model, uniform(model, **layers), keep_hopeless=True)
    if published:
        for layer in family_layers(model).values():
            start_as_published(layer)
    return model


@torch.no_grad()
def start_as_published(layer: FamilyLayer) -> None:
    if isinstance(layer, SeparableConv2d):
        layer.reset_parameters()  # the blueprints are drawn so
        for matrix in (layer.mixing, layer.column, layer.row):
            if matrix is not None:
                matrix.uniform_(-(matrix.shape[-1] ** -0.5), matrix.shape[-1] ** -0.5)
    else:
        for coefficients in layer.undecayed():
            nn.init.uniform_(coefficients, -0.1, 0.1)


@torch.no_grad()
def deviations(model: nn.Module, x: torch.Tensor) -> list[float]:
    """Standard deviation of the input of every batch norm, in module order."""
    found: list[float] = []
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda _, images: found.append(float(images[0].std())))
    model(x)
    return found


@click.command()
@click.option("--backbone", default="vgg11", show_default=True)
@click.option("--width", default=1.0, show_default=True, help="Of the nets that are trained.")
@click.option("--family", type=click.Choice(("linear", "separable")), default="linear", show_default=True)
@click.option("--alpha", default=1 / 16, show_default=True, help="Of linear layers.")
@click.option("--terms", default=1, show_default=True, help="Of separable layers.")
@click.option("--rank", type=int, help="Of coefficients or mixing; full by default.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--train-images", default=3000, show_default=True)
@click.option("--epochs", default=2, show_default=True)
@click.option("--image-size", type=int, help="Side in pixels; the data set's own by default.")
@click.option("--threads", default=2, show_default=True)
def main(
    backbone: str,
    width: float,
    family: str,
    alpha: float,
    terms: int,
    rank: int | None,
    seeds: int,
    train_images: int,
    epochs: int,
    image_size: int | None,
    threads: int,
) -> None:
    torch.set_num_threads(threads)
    layers = {"family": family} | ({"alpha": alpha} if family == "linear" else {"terms": terms})
    layers |= {} if rank is None else {"rank": rank}
    data = load("fashion-mnist", train_images=train_images, validation_images=5000, image_size=image_size)
    batches = Batches(data.train, data.info, 128, augment=False)
    x, _ = next(iter(batches.epoch(torch.Generator().manual_seed(0))))
    plain = deviations(net(data, backbone, 1.0, None, False, 0), x)
    for title, published in (("ours", False), ("published", True)):
        rows = [deviations(net(data, backbone, 1.0, layers, published, seed), x) for seed in range(seeds)]
        ratios = [[value / base for value, base in zip(row, plain, strict=True)] for row in rows]
        shown = "  ".join(f"{statistics.mean(column):.2f}" for column in zip(*ratios, strict=True))
        low, high = min(map(min, ratios)), max(map(max, ratios))
        click.echo(
            f"standard deviation before batch norm over plain, {title}: {shown}  ({low:.2f} to {high:.2f})"
        )
    for title, published in (("ours", False), ("published", True)):
        values = []
        for seed in range(seeds):
            model = net(data, backbone, width, layers, published, seed)
            values.append(train(model, data, Recipe(epochs=epochs), Regularizer(), seed=seed).accuracy)
            click.echo(f"  {title}, seed {seed}: {values[-1]:.2f} %", err=True)
        click.echo(
            f"accuracy after {epochs} epochs, {title}: mean {statistics.mean(values):.2f} % of {seeds} seeds"
        )


if __name__ == "__main__":
    main()

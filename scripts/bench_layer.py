#!/usr/bin/env python
"""What the layers of a family cost against the plain convolution; LinearConv's also against the published.

Training steps and inference of a whole backbone, every convolution replaced that saves parameters; or one
training step of each convolution of all backbones (--shapes; what looks slow is measured again, ten times as
often); or steps and inference of each convolution of a backbone, or of all, with a quarter of its numbers in
layers of every family (--quarter). --ways also forces weight and feature space, and says what the layers' own
choices lose. The variants take turns within one process, in random order, with the same data, optimizer,
memory layout and threads; shown are the median ratio to the plain net, the spread of the middle half of the
ratios, and the peak memory of a step (CUDA only; on a CPU the bytes that autograd keeps for the backward
pass). Freed memory is kept, as in the trainings of lcsearch, unless --return-memory. Nothing else should run
meanwhile; where that cannot be had, --threads 1 takes processor time instead of wall-clock time.

    python scripts/bench_layer.py                      # vgg11, batch 128, float32, 2 threads
    python scripts/bench_layer.py --precision bfloat16
    python scripts/bench_layer.py --device cuda --repeats 50
    python scripts/bench_layer.py --shapes --threads 1
    python scripts/bench_layer.py --shapes --ways
    python scripts/bench_layer.py --quarter --backbone base --threads 1
    python scripts/bench_layer.py --family separable --ways
    python scripts/bench_layer.py --family separable --image-size 16 --batch 64
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import click
import torch
import torch.nn.functional as F
from bench_timing import compare, kept_bytes
from layer_families import families_of
from layer_shapes import convolutions, images_for, layer_step, title_of
from torch import Tensor, nn

from lcsearch.core import plugins
from lcsearch.core.freed_memory import keep_freed_memory
from lcsearch.layers import LinearConv2d, lookup
from lcsearch.layers.family import Family
from lcsearch.layers.layer import FamilyLayer
from lcsearch.nets import backbones
from lcsearch.nets.replaceable import shape_of
from lcsearch.nets.surgery import convert, factorize, uniform

CHOICES: dict[str, dict[str, dict[str, Any]]] = {
    "linear": {f"alpha 1/{n}": {"alpha": 1 / n} for n in (2, 4, 8)},
    "separable": {
        "1 term": {"terms": 1},
        "2 terms": {"terms": 2},
        "3 terms": {"terms": 3},
        "1 term, rank 32": {"terms": 1, "rank": 32},
        "3 terms, rank 32": {"terms": 3, "rank": 32},
    },
    "basis": {
        "16 filters": {"filters": 16},
        "32 filters": {"filters": 32},
        "32 random filters": {"filters": 32, "bank_seed": 0},
        "32 trained filters": {"filters": 32, "train_basis": True},
    },
    "shared": {
        "8 + 1 filters": {"share_by": "stage", "shared": 8, "unique": 1},
        "32 + 0 filters": {"share_by": "stage", "shared": 32, "unique": 0},
    },
}
"""What is measured of each family: its options by name."""
ALONE = ("linear", "separable", "basis")
"""Families that one layer can be of."""
PUBLISHED = "alpha 1/4"
WAYS: tuple[Literal["weight", "feature"], ...] = ("weight", "feature")


class Published(nn.Module):
    """The published arithmetic: build all filters in each forward pass, then convolve once."""

    def __init__(self, layer: LinearConv2d) -> None:
        super().__init__()
        assert layer.coefficients is not None
        self.primary, self.coefficients, self.bias = layer.primary, layer.coefficients, layer.bias
        self.geometry = layer.geometry

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (n, in, h, w)."""
        secondary = (self.coefficients @ self.primary.flatten(1)).view(-1, *self.primary.shape[1:])
        filters = torch.cat([self.primary, secondary])
        return self.geometry.convolve(x, filters, self.bias, self.geometry.groups)


def net(backbone: str, family: str = "", way: str | None = None, **numbers: Any) -> nn.Module:
    """A backbone, with layers of a family where one is named, which are forced to a way where that is."""
    torch.manual_seed(0)
    model = backbones.build(backbone, num_classes=10, in_channels=3)
    if family:
        convert(model, uniform(model, family, **numbers))
    for layer in model.modules():
        if way and isinstance(layer, FamilyLayer):
            force(layer, way)
    return model


def published(model: nn.Module) -> nn.Module:
    """Have the layers of a net compute in the published way."""
    for parent in list(model.modules()):
        for key, child in parent.named_children():
            if isinstance(child, LinearConv2d):
                setattr(parent, key, Published(child))
    return model


def force(layer: nn.Module, way: str) -> nn.Module:
    vars(layer)["compute"] = way
    return layer


def trainer(model: nn.Module, x: Tensor, y: Tensor, cast: torch.dtype | None) -> Callable[[], Any]:
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(x.device.type, cast or torch.bfloat16, enabled=cast is not None):
            loss = F.cross_entropy(model(x).float(), y)
        loss.backward()
        optimizer.step()

    return step


def predictor(model: nn.Module, x: Tensor, cast: torch.dtype | None) -> Callable[[], Any]:
    def predict() -> None:
        with torch.no_grad(), torch.autocast(x.device.type, cast or torch.bfloat16, enabled=cast is not None):
            model(x)

    return predict


def nets(backbone: str, family: str, ways: bool) -> dict[str, nn.Module]:
    """The plain net, the nets of a family, and some that compute otherwise."""
    models = {"plain": net(backbone)}
    for name, numbers in CHOICES[family].items():
        models[name] = net(backbone, family, **numbers)
        for way in WAYS if ways else ():
            models[f"{name}, {way}"] = net(backbone, family, way, **numbers)
    if family == "linear":
        numbers = CHOICES[family][PUBLISHED]
        models[f"published, {PUBLISHED}"] = published(net(backbone, family, **numbers))
    return models


def whole_net(
    backbone: str, family: str, ways: bool, x: Tensor, cast: torch.dtype | None, repeats: int, device: str
) -> None:
    """Training steps on images x (n, 3, s, s), and inference of one of them and of all."""
    y, images = torch.randint(0, 10, (len(x),)).to(device), torch.channels_last
    models = {
        name: model.to(device).to(memory_format=images)
        for name, model in nets(backbone, family, ways).items()
    }
    steps = {name: trainer(model, x, y, cast) for name, model in models.items()}
    title = f"{backbone} at {x.shape[-1]}"
    medians = compare(f"{title} training step, batch {len(x)}", steps, repeats, device)
    if family == "linear":
        ratio = medians[PUBLISHED] / medians[f"published, {PUBLISHED}"]
        click.echo(f"  against published            {ratio:.3f}")
    if device == "cpu":
        for name, model in models.items():
            click.echo(f"  memory, {name:20s} {kept_bytes(model, steps[name], device) / 2**20:.0f} MiB")
    for size in (1, len(x)):
        ready = {"plain": models["plain"].eval()}
        for name in CHOICES[family]:
            plain = factorize(models[name].eval(), (3, *x.shape[2:]))
            ready |= {name: models[name], f"factorized, {name}": plain.to(memory_format=images)}
        runs = {name: predictor(model, x[:size], cast) for name, model in ready.items()}
        compare(f"{title} inference, batch {size}", runs, repeats * (10 if size == 1 else 1), device)


def variants(conv: nn.Conv2d, kind: Family[Any], numbers: dict[str, Any], ways: bool) -> list[nn.Module]:
    """The layer as it chooses, and forced where both ways are asked for; none where it saves nothing."""
    shape = shape_of(conv)
    if kind.refuses(shape) is not None:
        return []
    spec = kind.canonical(shape, kind.chosen(shape, numbers))
    if spec is None:
        return []
    forced = [force(kind.fresh(conv, spec), way) for way in WAYS] if ways else []
    return [kind.fresh(conv, spec), *forced]


def as_chosen(ratios: Mapping[str, float]) -> dict[str, float]:
    """Those of the layers that choose for themselves."""
    return {name: ratio for name, ratio in ratios.items() if not name.endswith(WAYS)}


def all_shapes(family: str, batch: int, repeats: int, device: str, ways: bool) -> None:
    """Forward and backward of every different layer of all backbones that saves parameters."""
    ratios: dict[str, float] = {}
    kind = lookup.family(family)
    for g, size in convolutions(plugins.names(plugins.BACKBONE)):
        x = images_for(g, size, batch, device)
        conv = nn.Conv2d(**g.arguments, device=device)
        layers = {
            ", ".join(part for part in (name, way) if part): layer
            for name, numbers in CHOICES[family].items()
            for way, layer in zip(("", *WAYS), variants(conv, kind, numbers, ways), strict=False)
        }
        if not layers:
            continue
        gradient = torch.randn_like(conv(x))
        runs = {
            name: partial(layer_step, layer, x, gradient) for name, layer in {"plain": conv, **layers}.items()
        }
        title = title_of(g, size)
        medians = compare(title, runs, repeats, device)
        if max(as_chosen(medians).values(), default=0) > 1.1:  # look again, rather than call noise slow
            medians = compare(f"again {title}", runs, 10 * repeats, device)
        ratios |= {f"{title}, {name}": ratio for name, ratio in medians.items()}
    chosen = as_chosen(ratios)
    slow = [f"{name}: {ratio:.2f}" for name, ratio in chosen.items() if ratio > 1.1]
    mean = statistics.fmean(chosen.values())
    click.echo(f"{len(chosen)} layers, mean {mean:.3f}; slower than plain by more than 10 %: {len(slow)}")
    for line in slow:
        click.echo(f"  {line}")
    if ways:
        say_what_choosing_loses(ratios)


def say_what_choosing_loses(ratios: Mapping[str, float]) -> None:
    """Print how much longer the layer's own choice takes than the better way, over all layers."""
    chosen = as_chosen(ratios)
    best = {name: min(ratios[f"{name}, {way}"] for way in WAYS) for name in chosen}
    mean = statistics.fmean(best.values())
    losses = sorted(((chosen[name] / best[name] - 1, name) for name in chosen), reverse=True)
    click.echo(f"the better way, mean {mean:.3f}; the choice takes longer by more than 5 %:")
    for loss, name in losses:
        if loss > 0.05:
            click.echo(f"  {name}: {100 * loss:.0f} %")


@click.command()
@click.option("--backbone", default="vgg11", show_default=True)
@click.option("--family", type=click.Choice(list(CHOICES)), default="linear", show_default=True)
@click.option("--image-size", default=32, show_default=True)
@click.option("--batch", default=128, show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=9, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--shapes", is_flag=True, help="Single layers instead of a whole net.")
@click.option("--quarter", is_flag=True, help="Single layers of a backbone ('all': of all), every family.")
@click.option("--ways", is_flag=True, help="Also all layers forced to either way.")
@click.option("--return-memory", is_flag=True, help="The C library's own way with freed memory.")
def main(
    backbone: str,
    family: str,
    image_size: int,
    batch: int,
    precision: str,
    threads: int,
    repeats: int,
    device: str,
    shapes: bool,
    quarter: bool,
    ways: bool,
    return_memory: bool,
) -> None:
    if shapes and family not in ALONE:
        raise click.UsageError(f"--shapes: layers of {family} share; --quarter measures them")
    torch.set_num_threads(threads)
    kept = not return_memory and keep_freed_memory()
    memory = "freed memory kept" if kept else "freed memory returned"
    click.echo(
        f"torch {torch.__version__}, {threads} threads, {device}, {precision}, channels-last, {memory}"
    )
    if quarter:
        names = plugins.names(plugins.BACKBONE) if backbone == "all" else [backbone]
        families_of(names, image_size, batch, repeats, device)
    elif shapes:
        all_shapes(family, batch, repeats, device, ways)
    else:
        x = torch.randn(batch, 3, image_size, image_size).to(device, memory_format=torch.channels_last)
        cast = torch.bfloat16 if precision == "bfloat16" else None
        whole_net(backbone, family, ways, x, cast, repeats, device)


if __name__ == "__main__":
    main()

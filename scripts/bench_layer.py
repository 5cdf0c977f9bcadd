#!/usr/bin/env python
"""What a LinearConv layer costs against the plain convolution, and against the published arithmetic.

Training steps and inference of a whole backbone, every convolution replaced that saves parameters; or one
training step of each convolution of the seven backbones (--shapes; what looks slow is measured again, ten
times as often; --ways also forces weight and feature space, and says what the layer's own choice loses). The
variants take turns within one process, in random order, with the same data, optimizer, memory layout and
threads; shown are the median ratio to the plain net, the spread of the middle half of the ratios, and the
peak memory of a step (CUDA only; on a CPU the bytes that autograd keeps for the backward pass). Freed memory
is kept, as in the trainings of lcsearch, unless --return-memory. Nothing else should run meanwhile; where
that cannot be had, --threads 1 takes processor time instead of wall-clock time.

    python scripts/bench_layer.py                      # vgg11, batch 128, float32, 2 threads
    python scripts/bench_layer.py --precision bfloat16
    python scripts/bench_layer.py --device cuda --repeats 50
    python scripts/bench_layer.py --shapes --threads 1
    python scripts/bench_layer.py --shapes --ways
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.core import plugins
from lcsearch.layers import LinearConv2d
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.geometry import Geometry
from lcsearch.nets import backbones
from lcsearch.nets.replaceable import conv_layers, shape_of
from lcsearch.nets.surgery import convert, factorize
from lcsearch.train.memory import keep_freed_memory

ALPHAS = (0.5, 0.25, 0.125)
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


def net(backbone: str, alpha: float | None, published: bool = False) -> nn.Module:
    torch.manual_seed(0)
    model = backbones.build(backbone, num_classes=10, in_channels=3)
    if alpha is not None:
        convert(model, {name: LinearSpec(alpha) for name in conv_layers(model)})
    if published:
        for parent in list(model.modules()):
            for key, child in parent.named_children():
                if isinstance(child, LinearConv2d):
                    setattr(parent, key, Published(child))
    return model


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


def seconds(run: Callable[[], Any], device: str) -> float:
    """Wall-clock seconds; with one CPU thread its own processor time, which other work disturbs less."""
    clock = time.process_time if device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def compare(title: str, runs: Mapping[str, Callable[[], Any]], repeats: int, device: str) -> dict[str, float]:
    """Print each run's time over the first one's, round by round; returns the median ratios."""
    for run in runs.values():
        seconds(run, device)
    order, rounds, chance = list(runs), [], random.Random(0)
    for _ in range(repeats):
        chance.shuffle(order)  # what runs after what matters to small layers: caches
        rounds.append({name: seconds(runs[name], device) for name in order})
    first = next(iter(runs))
    base = statistics.median(r[first] for r in rounds)
    click.echo(f"{title}: {first} {1e3 * base:.2f} ms (median of {repeats})")
    medians = {}
    for name in list(runs)[1:]:
        ratios = sorted(r[name] / r[first] for r in rounds)
        medians[name] = statistics.median(ratios)
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        click.echo(f"  {name:28s} {medians[name]:.3f}   middle half {low:.3f} to {high:.3f}")
    return medians


def kept_bytes(model: nn.Module, step: Callable[[], Any], device: str) -> int:
    """Memory of a training step: parameters, gradients and momentum, and what autograd keeps or the peak."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated()
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        step()
    for parameter in model.parameters():
        seen.pop(parameter.untyped_storage().data_ptr(), None)
    return sum(seen.values()) + 3 * sum(4 * parameter.numel() for parameter in model.parameters())


def whole_net(backbone: str, batch: int, cast: torch.dtype | None, repeats: int, device: str) -> None:
    images = torch.channels_last
    x = torch.randn(batch, 3, 32, 32).to(device, memory_format=images)
    y = torch.randint(0, 10, (batch,)).to(device)
    models = {"plain": net(backbone, None)} | {f"alpha 1/{round(1 / a)}": net(backbone, a) for a in ALPHAS}
    models["published, alpha 1/4"] = net(backbone, 0.25, published=True)
    models = {name: model.to(device).to(memory_format=images) for name, model in models.items()}
    steps = {name: trainer(model, x, y, cast) for name, model in models.items()}
    medians = compare(f"{backbone} training step, batch {batch}", steps, repeats, device)
    click.echo(f"  against published            {medians['alpha 1/4'] / medians['published, alpha 1/4']:.3f}")
    if device == "cpu":
        for name, model in models.items():
            click.echo(f"  memory, {name:20s} {kept_bytes(model, steps[name], device) / 2**20:.0f} MiB")
    for size in (1, batch):
        ready = {"plain": models["plain"].eval()}
        for name in list(models)[1:4]:
            ready[f"factorized, {name}"] = factorize(models[name]).eval().to(device).to(memory_format=images)
        runs = {name: predictor(model, x[:size], cast) for name, model in ready.items()}
        compare(f"{backbone} inference, batch {size}", runs, repeats * (10 if size == 1 else 1), device)


def layer_step(layer: nn.Module, x: Tensor, gradient: Tensor) -> None:
    x.grad = None
    layer.zero_grad(set_to_none=True)
    layer(x).backward(gradient)


def all_convolutions() -> list[tuple[Geometry, int]]:
    """Every different convolution of the seven backbones, with the size of its input."""
    seen: dict[tuple[Geometry, int], None] = {}
    for name in plugins.names(plugins.BACKBONE):
        model = net(name, None).eval()
        for conv in conv_layers(model).values():
            conv.register_forward_hook(
                lambda conv, images, _: seen.setdefault((Geometry.of(conv), images[0].shape[-1]))
            )
        model(torch.randn(1, 3, 32, 32))
    return list(seen)


def title_of(g: Geometry, size: int) -> str:
    kernel = f"{g.kernel_size[0]}x{g.kernel_size[1]}/{g.stride[0]}"
    bias = "with bias" if g.bias else "without bias"
    return f"{g.in_channels}-{g.out_channels} {kernel} {bias} groups {g.groups} at {size}"


def variants(conv: nn.Conv2d, alpha: float, ways: bool) -> dict[str, nn.Module]:
    """The layer as it chooses, and forced where both ways are asked for; none where it saves nothing."""
    spec = LinearSpec(alpha)
    if FAMILY.canonical(shape_of(conv), spec) is None:
        return {}
    name = f"alpha 1/{round(1 / alpha)}"
    layers: dict[str, nn.Module] = {name: FAMILY.fresh(conv, spec)}
    if ways:
        arguments = Geometry.of(conv).arguments | {"device": conv.weight.device, "alpha": alpha}
        layers |= {f"{name}, {way}": LinearConv2d(**arguments, compute=way) for way in WAYS}
    return layers


def as_chosen(ratios: Mapping[str, float]) -> dict[str, float]:
    """Those of the layers that choose for themselves."""
    return {name: ratio for name, ratio in ratios.items() if not name.endswith(WAYS)}


def all_shapes(batch: int, repeats: int, device: str, ways: bool) -> None:
    """Forward and backward of every different layer of the seven backbones that saves parameters."""
    ratios: dict[str, float] = {}
    for g, size in all_convolutions():
        x = torch.randn(batch, g.in_channels, size, size, device=device)
        x = x.contiguous(memory_format=torch.channels_last).requires_grad_(g.in_channels != 3)  # not images
        conv = nn.Conv2d(**g.arguments, device=device)
        layers = {name: layer for alpha in ALPHAS for name, layer in variants(conv, alpha, ways).items()}
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
@click.option("--batch", default=128, show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=9, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--shapes", is_flag=True, help="Single layers instead of a whole net.")
@click.option("--ways", is_flag=True, help="With --shapes: also each layer forced to either way.")
@click.option("--return-memory", is_flag=True, help="The C library's own way with freed memory.")
def main(
    backbone: str,
    batch: int,
    precision: str,
    threads: int,
    repeats: int,
    device: str,
    shapes: bool,
    ways: bool,
    return_memory: bool,
) -> None:
    torch.set_num_threads(threads)
    kept = not return_memory and keep_freed_memory()
    memory = "freed memory kept" if kept else "freed memory returned"
    click.echo(
        f"torch {torch.__version__}, {threads} threads, {device}, {precision}, channels-last, {memory}"
    )
    if shapes:
        all_shapes(batch, repeats, device, ways)
    else:
        whole_net(backbone, batch, torch.bfloat16 if precision == "bfloat16" else None, repeats, device)


if __name__ == "__main__":
    main()

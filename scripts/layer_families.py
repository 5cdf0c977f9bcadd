"""Single layers of every family at a quarter of their numbers, for ``bench_layer.py --quarter``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import click
import torch
from bench_timing import compare
from family_rules import RULES
from init_contenders import nearest
from layer_shapes import convolutions, images_for, layer_step, title_of
from torch import Tensor, nn

from lcsearch.core.spec import LayerSpec
from lcsearch.core.strict import validate
from lcsearch.layers import lookup
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.offer import Rule
from lcsearch.nets.replaceable import shape_of

SHARE, NEAR = 1 / 4, 1.1
"""Of a layer's numbers that are stored, and how far off what is shown may be."""
TWINS = ("first", "second")
"""Layers that share filters are two of one shape; their numbers are those of both."""
SLOW = 1.1


def quarter(conv: nn.Conv2d, name: str) -> FamilyLayer | None:
    """A layer in place of a convolution that stores a quarter of its numbers; None where none comes near."""
    kind, said = lookup.family(RULES[name][0]), RULES[name][1]
    shape, rule = shape_of(conv), validate(kind.rule or Rule, said, name)
    if kind.refuses(shape) is not None:
        return None
    names = TWINS if kind.pairs else TWINS[:1]
    shapes = dict.fromkeys(names, shape)
    sets = {"stage": (names,)}
    offer = (
        kind.offer_together(rule, "layer", shapes, sets, each=False)
        if kind.pairs
        else kind.offer(rule, "layer", shapes)
    )
    plain = len(names) * shape.params

    def stored(share: float) -> int:
        made: Mapping[str, LayerSpec] = offer.at_share(share, shapes)
        return sum(size.stored for size in lookup.sizes(shapes, made).values())

    share = nearest(stored, round(SHARE * plain))
    made = offer.at_share(share, shapes)
    if not made or abs(math.log(stored(share) / (SHARE * plain))) > math.log(NEAR):
        return None
    return kind.fresh_bundle(dict.fromkeys(names, conv), made)[names[0]]


def answer(layer: nn.Module, x: Tensor) -> None:
    """Forward in evaluation."""
    with torch.no_grad():
        layer(x)


def measured(
    title: str, runs: Mapping[str, Callable[[], object]], repeats: int, device: str
) -> dict[str, float]:
    """Median ratios; what looks slow is looked at again, ten times as often, rather than called so."""
    medians = compare(title, runs, repeats, device)
    if max(medians.values()) > SLOW:
        medians = compare(f"again {title}", runs, 10 * repeats, device)
    return medians


def families_of(backbones: Iterable[str], image_size: int, batch: int, repeats: int, device: str) -> None:
    """Print a table: training step and inference of each layer over the plain convolution's."""
    rows = [
        "| layer | " + " | ".join(RULES) + " |",
        "|---|" + "---|" * len(RULES),
    ]
    for g, size in convolutions(backbones, image_size):
        conv = nn.Conv2d(**g.arguments, device=device)
        found = {name: quarter(conv, name) for name in RULES}
        layers = {"plain": conv, **{name: layer for name, layer in found.items() if layer is not None}}
        if len(layers) == 1:
            continue
        title, x = title_of(g, size), images_for(g, size, batch, device)
        gradient = torch.randn_like(conv(x))
        steps = {name: partial(layer_step, layer, x, gradient) for name, layer in layers.items()}
        step = measured(f"{title}, training step", steps, repeats, device)
        answers = {name: partial(answer, layer.eval(), x) for name, layer in layers.items()}
        ready = measured(f"{title}, inference", answers, repeats, device)
        cells = [f"{step[name]:.2f} / {ready[name]:.2f}" if name in step else "" for name in RULES]
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    click.echo("\n".join(["", "training step / inference, over the plain convolution's", "", *rows]))

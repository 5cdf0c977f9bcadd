"""What a trained model loses when one layer is compressed and all else stays, without any training.

Two passes. The first runs the fit images through the model; at each layer it fits every variant to the
layer's own responses, and gives each channel of a variant the mean of the original (and the spread, where a
batch norm layer follows: what its statistics, estimated again, would do). The second runs other images in
small batches: once as the model is, keeping what each convolution answers, then once for each variant. What
is executed before the changed convolution then gives back what was kept: a late layer costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.closeness import closeness_of
from lcsearch.compress.fit import FIT_IMAGES
from lcsearch.compress.judging import (
    BATCH,
    LEAST_IMAGES,
    MOST_IMAGES,
    batches,
    believed,
    first,
    judge,
    judging,
)
from lcsearch.compress.one_layer import Stage
from lcsearch.compress.responses import Response
from lcsearch.compress.thin_sensitivity import ChannelRow, Counts, measure_channels
from lcsearch.compress.variants import Variant, variants_of
from lcsearch.core.errors import InputError
from lcsearch.core.job import Progress
from lcsearch.core.spec import Precision
from lcsearch.data import SearchData
from lcsearch.layers import lookup
from lcsearch.layers.closeness import Target
from lcsearch.layers.family import Way
from lcsearch.layers.shape import ConvShape
from lcsearch.nets.channels import ChannelGroups
from lcsearch.nets.replaceable import conv_layers, tied

_MEASURED = ("loss", "accuracy", "divergence")
WORK = 1.5e12
"""Multiply-accumulates that all variants together may take on a CPU: most of a minute on two cores."""
GPU_WORK = 3e13
_NO_GROUPS = ChannelGroups()
_NO_COUNTS: Counts = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """One layer compressed alone.

    Attributes:
        layer: Module name.
        way: How it was compressed.
        loss: Mean cross entropy of the model.
        accuracy: In percent.
        divergence: Mean Kullback-Leibler divergence of the model's classes from the backbone's, in nats: what
            the loss rises by where labels follow the backbone's own belief. It is never negative, and far
            less noisy than the difference of two losses on a few images.
    """

    layer: str
    way: Way
    loss: float
    accuracy: float
    divergence: float

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON, the family's own numbers among the others."""
        way = {"family": self.way.spec.family, **self.way.numbers, "params": self.way.params}
        measured = {name: getattr(self, name) for name in _MEASURED}
        return {"layer": self.layer, **way, **measured}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Row:
        """The inverse of `to_plain`; where no family stands it is ``linear``, as in version 0.1.

        Raises:
            KeyError, TypeError: Something is missing or of another kind.
        """
        known = {"layer", "family", "params", *_MEASURED}
        numbers = {key: value for key, value in plain.items() if key not in known}
        way = lookup.family(plain.get("family", "linear")).read_way(numbers, plain["params"])
        return cls(plain["layer"], way, *(plain[name] for name in _MEASURED))


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What each layer loses when it is compressed alone.

    Attributes:
        baseline_loss: Mean cross entropy of the backbone.
        baseline_accuracy: Its accuracy in percent.
        images: Images that all losses were measured on.
        rows: By layer in module order, then by falling parameters.
        channels: What each group of channels loses when it is thinned alone, by group in the order of their
            layers, then by falling count; empty where that was not asked for.
    """

    baseline_loss: float
    baseline_accuracy: float
    images: int
    rows: tuple[Row, ...]
    channels: tuple[ChannelRow, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON."""
        shared = {"baseline_loss": self.baseline_loss, "baseline_accuracy": self.baseline_accuracy}
        plain = {**shared, "images": self.images, "rows": [row.to_plain() for row in self.rows]}
        return plain | ({"channels": [row.to_plain() for row in self.channels]} if self.channels else {})

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Sensitivity:
        """The inverse of ``to_plain``.

        Raises:
            KeyError, TypeError: Something is missing or of another kind.
        """
        rows = tuple(map(Row.from_plain, plain["rows"]))
        channels = tuple(map(ChannelRow.from_plain, plain.get("channels", ())))
        return cls(plain["baseline_loss"], plain["baseline_accuracy"], plain["images"], rows, channels)


@torch.no_grad()
def measure(
    backbone: nn.Module,
    layers: Sequence[str],
    data: SearchData,
    *,
    ways: Callable[[ConvShape], Sequence[Way]] = lookup.ways,
    groups: ChannelGroups = _NO_GROUPS,
    counts: Counts = _NO_COUNTS,
    precision: Precision = "float32",
    progress: Progress = lambda words: None,
) -> Sensitivity:
    """Compress each layer, and thin each group of channels, alone and see what the model loses.

    Nothing is trained. The first training images are fitted to. Losses are measured on the next ones, or on
    validation images where these are fewer than ``LEAST_IMAGES``. The test images are never touched.

    Args:
        backbone: A trained model; left as it is.
        layers: Names of its convolutions; one that is never called, or several times, is left out. Those
            that share their weight are compressed together, under the name of the first.
        data: Images and labels.
        ways: How a convolution is compressed; by default all ways of all families.
        groups: Its groups of channels.
        counts: Name of a group to the numbers of its channels that are tried; none by default.
        precision: Of the forward passes that losses are measured by; what is fitted, is in float32.
        progress: Called with a few words now and then; what it raises passes through.

    Raises:
        InputError: A name is no convolution or group of the model, or its weights are not finite.
    """
    device = next(backbone.parameters()).device
    convs = _convs(backbone, layers)
    fit = next(batches(first(data.train, FIT_IMAGES), data, FIT_IMAGES, device))[0]
    with responses.evaluation(backbone), Stage(backbone) as stage:
        progress("fitting each layer")
        chosen = responses.at_once(fit)
        found = responses.record(backbone, {n: c for own in convs.values() for n, c in own.items()}, chosen)
        stage.learn(chosen)
        variants = [
            variant
            for name, own in convs.items()
            if found.keys() >= own.keys() and all(map(stage.plays, own.values()))
            for variant in variants_of(name, list(own.values()), ways)
        ]
        targets = {conv: found[n] for own in convs.values() for n, conv in own.items() if n in found}
        _fit_all(stage, variants, targets, chosen, progress)
        found_losses = _losses(stage, variants, data, device, precision=precision, progress=progress)
    thinned = measure_channels(backbone, groups, counts, data, precision=precision, progress=progress)
    return replace(found_losses, channels=thinned)


def _convs(model: nn.Module, names: Sequence[str]) -> dict[str, dict[str, nn.Conv2d]]:
    """Convolutions by name, those that share a weight together, by the name of the first."""
    known, others = conv_layers(model), tied(model)
    found = {}
    for name in names:
        if name not in known:
            raise InputError(f"layers: the net has no convolution {name!r}")
        modules = {own: model.get_submodule(own) for own in (name, *others.get(name, ()))}
        own = {place: conv for place, conv in modules.items() if isinstance(conv, nn.Conv2d)}
        if not all(bool(number.isfinite().all()) for conv in own.values() for number in conv.parameters()):
            raise InputError(f"layers.{name}: the trained weights hold NaN or infinity")
        found[name] = own
    return found


def _images_for(stage: Stage, variants: Sequence[Variant], device: torch.device) -> int:
    """How many images the work allows."""
    total = sum(stage.work_from(*variant.parts) for variant in variants)
    most = (WORK if device.type == "cpu" else GPU_WORK) / total if total else MOST_IMAGES
    return int(min(MOST_IMAGES, max(LEAST_IMAGES, most)))


def _fit_all(
    stage: Stage,
    variants: Sequence[Variant],
    targets: Mapping[nn.Conv2d, Response],
    images: Tensor,
    progress: Progress,
) -> None:
    """Fit each variant when its convolution, or the first of those of one weight, is called."""
    of_conv: dict[nn.Conv2d, list[Variant]] = {}
    for variant in variants:
        for conv in variant.parts:
            of_conv.setdefault(conv, []).append(variant)
    total = len(of_conv)

    def visit(conv: nn.Conv2d, x: Tensor, output: Tensor) -> None:
        own = of_conv.pop(conv, [])
        if not own:
            return
        progress(f"fitting layer {total - len(of_conv)} of {total}")
        wanted = None if own[0].fitted else Target(*closeness_of(conv, targets[conv], x))
        for variant in own:
            part = variant.parts[conv]
            if wanted is not None:
                lookup.family_of(variant.way.spec).fit(part.layer, wanted)
                variant.fitted = True
            part.match(x[:BATCH], output[:BATCH], targets[conv].normalised)

    stage.look(visit, images)


def _losses(
    stage: Stage,
    variants: Sequence[Variant],
    data: SearchData,
    device: torch.device,
    *,
    precision: Precision,
    progress: Progress,
) -> Sensitivity:
    """Sum up over batches what the model and each variant lose."""
    split = judging(data, _images_for(stage, variants, device))
    sums = torch.zeros(len(variants) + 1, 3, dtype=torch.float64)
    count = 0
    for images, labels in batches(split, data, BATCH, device):
        progress(f"{len(variants)} compressed layers on image {count + 1:,} of {len(split):,}")
        count += len(labels)
        wanted = believed(stage.plain, images, precision)
        sums[-1] += judge(wanted, wanted, labels)
        for place, variant in enumerate(variants):
            scores = believed(partial(stage.played, variant.parts), images, precision)
            sums[place] += judge(scores, wanted, labels)
            for part in variant.parts.values():
                part.layer.train(False)  # lets go of the filters that it has built: there are many variants
    *each, plain = (sums / count).tolist()
    rows = [
        Row(v.name, v.way, loss, 100 * hits, divergence)
        for v, (loss, hits, divergence) in zip(variants, each, strict=True)
    ]
    return Sensitivity(plain[0], 100 * plain[1], count, tuple(rows))

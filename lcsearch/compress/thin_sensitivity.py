"""What a trained model loses when the channels of one group go and all else stays, without any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from lcsearch.compress import responses
from lcsearch.compress.fit import FIT_IMAGES
from lcsearch.compress.judging import BATCH, LEAST_IMAGES, batches, believed, first, judge, judging
from lcsearch.compress.thinned import Thinner
from lcsearch.core.job import Progress
from lcsearch.core.spec import Precision
from lcsearch.data import SearchData
from lcsearch.nets.channels import ChannelGroups
from lcsearch.nets.count import count

MOST_IMAGES = 256
"""Images that losses are measured on: a whole net is run for each of them, so they are few."""
WORK = 5e11
"""Multiply-accumulates that they may take on a CPU: a quarter of a minute on two cores."""
GPU_WORK = 1e13

Counts = Mapping[str, Sequence[int]]
"""Name of a group to the numbers of its channels that are tried."""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One group of channels thinned alone.

    Attributes:
        group: Its name.
        kept: Channels that stay.
        size: Channels that there are.
        params: Parameters of the whole model that is left.
        loss: Mean cross entropy of the model.
        accuracy: In percent.
        divergence: As that of a `lcsearch.compress.sensitivity.Row`.
    """

    group: str
    kept: int
    size: int
    params: int
    loss: float
    accuracy: float
    divergence: float

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ChannelRow:
        """The inverse of `to_plain`.

        Raises:
            TypeError: Something is missing.
        """
        return cls(**plain)


def measure_channels(
    backbone: nn.Module,
    groups: ChannelGroups,
    counts: Counts,
    data: SearchData,
    *,
    precision: Precision = "float32",
    progress: Progress = lambda words: None,
) -> tuple[ChannelRow, ...]:
    """Take channels out of each group alone and see what the model loses. Nothing is trained.

    Which channels go, and how the layers that read them make up for it, is as in `thin_trained`, on the first
    training images. Losses are measured on the images that `measure` judges by, fewer of them.

    Args:
        backbone: A trained model; left as it is.
        groups: Its groups of channels.
        counts: What is tried.
        data: Images and labels.
        precision: As `measure` takes it.
        progress: Called with a few words now and then; what it raises passes through.

    Returns:
        By group in their order, then by falling count.

    Raises:
        InputError: A group is unknown.
    """
    device = next(backbone.parameters()).device
    sizes = {name: groups[name].size for name in counts}
    order = [group.name for group in groups.groups if group.name in counts]
    tried = [(name, kept) for name in order for kept in sorted(counts[name], reverse=True)]
    if not tried:
        return ()
    split = judging(data, _images_for(backbone, len(tried), data))
    images, labels = next(batches(split, data, len(split), device))
    fit = next(batches(first(data.train, FIT_IMAGES), data, FIT_IMAGES, device))[0]
    rows = []
    with responses.evaluation(backbone), torch.no_grad():
        wanted = _believed(backbone, images, precision)
        thinner = Thinner(backbone, groups, fit)
        for done, (name, kept) in enumerate(tried):
            progress(f"thinner layers: {done} of {len(tried)}")
            model = thinner.thin({name: kept})
            sums = judge(_believed(model, images, precision), wanted, labels) / len(labels)
            loss, hits, divergence = sums.tolist()
            params = sum(parameter.numel() for parameter in model.parameters())
            rows.append(ChannelRow(name, kept, sizes[name], params, loss, 100 * hits, divergence))
    return tuple(rows)


def _images_for(model: nn.Module, variants: int, data: SearchData) -> int:
    """How many images the work allows."""
    device = next(model.parameters()).device
    info = data.info
    macs = count(model, (info.in_channels, info.image_size, info.image_size)).macs
    most = (WORK if device.type == "cpu" else GPU_WORK) / (variants * macs) if macs else MOST_IMAGES
    return int(min(MOST_IMAGES, max(LEAST_IMAGES, most)))


def _believed(model: nn.Module, images: torch.Tensor, precision: Precision) -> torch.Tensor:
    """Log-probabilities (n, classes)."""
    return torch.cat([believed(model, part, precision) for part in images.split(BATCH)])

"""A trained net pruned by NVIDIA Model-Optimizer's FastNAS, for ``bench_init.py --fastnas``.

Needs ``nvidia-modelopt`` and ``torchprofile==0.0.4``, which counts for it. Its search is its own: it looks at
each layer with some channels less, one layer at a time, then at whole nets of the size, and takes the best.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import NORM_IMAGES, first_images
from lcsearch.data import Batches, SearchData, Split
from lcsearch.train import evaluate

JUDGED = 1_000
"""Validation images that its search sees: more than ours, which sees none."""
BATCH = 64


@dataclass(frozen=True)
class Found:
    """What its search ended with.

    Attributes:
        model: The pruned net.
        images: That went forward through any net meanwhile.
    """

    model: nn.Module
    images: int


class _Loader:
    """Training images for its batch norm, as a ``DataLoader`` gives them."""

    def __init__(self, data: SearchData, device: str) -> None:
        self._batches = Batches(data.train, data.info, BATCH, augment=False, device=device)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self._batches.epoch()


def fastnas(net: nn.Module, data: SearchData, params: int, checkpoint: Path, device: str) -> Found:
    """Let FastNAS prune a trained net, with the options that it has by default.

    Args:
        net: The net; it is changed.
        data: Its images.
        params: At most so many parameters.
        checkpoint: What it saw of single layers, kept for the next size.
        device: Where to compute.
    """
    import modelopt.torch.prune as pruning

    seen = 0

    def count(module: nn.Module, given: tuple[Any, ...]) -> None:
        nonlocal seen
        seen += len(given[0])

    judged = Split(data.validation.images[:JUDGED], data.validation.labels[:JUDGED])
    counting = net.to(device).register_forward_pre_hook(count)
    pruned = pruning.prune(
        net,
        mode="fastnas",
        constraints={"params": float(params)},
        dummy_input=torch.zeros(1, data.info.in_channels, *2 * (data.info.image_size,), device=device),
        config={
            "data_loader": _Loader(data, device),
            "score_func": lambda one: evaluate(one, judged, data.info, device=device),
            "checkpoint": str(checkpoint),
            "verbose": False,
        },
    )
    counting.remove()
    model: nn.Module = pruned[0]
    reestimate(model, first_images(data, NORM_IMAGES).to(device))
    return Found(model, seen)

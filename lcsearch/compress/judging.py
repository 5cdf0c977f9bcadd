"""What a model loses on images that nothing was fitted to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from lcsearch.compress.fit import FIT_IMAGES
from lcsearch.core.autocast import arithmetic
from lcsearch.core.spec import Precision
from lcsearch.data import Batches, SearchData, Split

MOST_IMAGES, LEAST_IMAGES = 1_000, 64
"""Images that losses are measured on: as many as the work allows, in this range."""
BATCH = 64


def believed(answer: Callable[[Tensor], Tensor], images: Tensor, precision: Precision) -> Tensor:
    """Log-probabilities (b, classes) in float32 of what answers to a batch, itself in some precision."""
    with arithmetic(precision, images.device):
        return answer(images).float().log_softmax(1)


def judge(scores: Tensor, wanted: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy, hits and divergence, summed over a batch: log-probabilities (b, classes) in."""
    loss = F.nll_loss(scores, labels, reduction="sum")
    hits = (scores.argmax(1) == labels).sum()
    divergence = F.kl_div(scores, wanted, reduction="sum", log_target=True)
    return torch.stack([loss, hits.to(loss), divergence]).double().cpu()


def judging(data: SearchData, images: int) -> Split:
    """So many images that were not fitted to."""
    left = len(data.train) - FIT_IMAGES
    if left >= LEAST_IMAGES:
        return first(data.train, min(images, left), start=FIT_IMAGES)
    return first(data.validation, images)


def first(split: Split, count: int, *, start: int = 0) -> Split:
    """Some images, in their order."""
    return Split(split.images[start : start + count], split.labels[start : start + count])


def batches(
    split: Split, data: SearchData, size: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (b, c, h, w) as evaluation sees them, and labels."""
    return Batches(split, data.info, size, augment=False, device=device).epoch()

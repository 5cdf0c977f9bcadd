"""Whether an exported file computes what the trained model does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lcsearch.core.metric import ACCURACY, Metric, score
from lcsearch.data import Batches, DatasetInfo, Split

TOLERANCE = 1e-4
"""Largest difference of an output, as a share of the largest output, that rounding may explain."""

_BATCH = 250


class ExportError(RuntimeError):
    """A written file does not compute what the trained model does; no fault of the user's."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an exported model compares with the trained one, on real images.

    Attributes:
        images: How many.
        difference: Largest difference of an output, as a share of the largest output.
        accuracy: Percent, of the exported model, by the run's metric.
        trained_accuracy: Likewise, of the trained model.
    """

    images: int
    difference: float
    accuracy: float
    trained_accuracy: float


def compare(
    trained: Callable[[Tensor], Tensor],
    exported: Callable[[Tensor], Tensor],
    split: Split,
    info: DatasetInfo,
    metric: Metric = ACCURACY,
) -> Agreement:
    """Run both models on every image of a split.

    Args:
        trained: Maps images to scores.
        exported: Likewise, as the written file computes it.
        split: The images and labels.
        info: How the images are normalised.
        metric: What the accuracies that are returned are.

    Raises:
        ExportError: An output differs by more than `TOLERANCE`, or the accuracies differ by more images than
            have their two highest scores closer together than that.
    """
    expected, labels = _outputs(trained, split, info)
    got, _ = _outputs(exported, split, info)
    scale = float(expected.abs().max())
    difference = float((got - expected).abs().max()) / max(scale, 1e-30)
    if not difference <= TOLERANCE:
        raise ExportError(f"outputs differ by {difference:.1e} of the largest, over {TOLERANCE:g}")
    answers = [scores.argmax(1) for scores in (got, expected)]
    right = [int((predicted == labels).sum()) for predicted in answers]
    if abs(right[0] - right[1]) > _ties(expected, 2 * TOLERANCE * scale):
        raise ExportError(f"{right[0]} of {len(labels)} images are right, but {right[1]} as trained")
    accuracy, trained_accuracy = (score(metric, labels.numpy(), found.numpy()) for found in answers)
    return Agreement(len(labels), difference, accuracy, trained_accuracy)


@torch.no_grad()
def _outputs(model: Callable[[Tensor], Tensor], split: Split, info: DatasetInfo) -> tuple[Tensor, Tensor]:
    parts = [(model(x), y) for x, y in Batches(split, info, _BATCH, augment=False).epoch()]
    return torch.cat([x for x, _ in parts]).double(), torch.cat([y for _, y in parts])


def _ties(scores: Tensor, closer_than: float) -> int:
    """Images whose prediction rounding may change."""
    if scores.shape[1] < 2:
        return 0
    best = scores.topk(2, dim=1).values
    return int((best[:, 0] - best[:, 1] <= closer_than).sum())

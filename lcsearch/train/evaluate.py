"""How well a model classifies images, by whichever metric."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from lcsearch.core.metric import ACCURACY, Metric, score
from lcsearch.data import Batches, DatasetInfo, Split


def evaluate(
    model: nn.Module,
    split: Split,
    info: DatasetInfo,
    *,
    metric: Metric = ACCURACY,
    batch_size: int = 100,
    device: str | torch.device = "cpu",
) -> float:
    """A metric in percent, of all images together, as `scores_of` computes it."""
    return scores_of(model, split, info, (metric,), batch_size=batch_size, device=device)[metric]


@torch.no_grad()
def scores_of(
    model: nn.Module,
    split: Split,
    info: DatasetInfo,
    metrics: Sequence[Metric],
    *,
    batch_size: int = 100,
    device: str | torch.device = "cpu",
) -> dict[Metric, float]:
    """Metrics in percent of one pass over all images, in float32 and evaluation mode.

    The model's mode is put back.

    Args:
        model: Maps images (b, c, h, w) to scores (b, classes); already on the device.
        split: The images and labels.
        info: How the images are normalised.
        metrics: Which.
        batch_size: Images per forward pass; large ones make evaluation, not training, the peak of memory.
        device: Where to compute.
    """
    was_training = model.training
    model.eval()
    answers, right = [], []
    for images, labels in Batches(split, info, batch_size, augment=False, device=device).epoch():
        answers.append(model(images).argmax(dim=1))
        right.append(labels)
    model.train(was_training)
    # One copy to the CPU: each waits for the device.
    predicted, labels = torch.stack([torch.cat(answers), torch.cat(right)]).cpu().numpy()
    return {metric: score(metric, labels, predicted) for metric in metrics}

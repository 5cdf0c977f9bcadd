"""How well a model classifies images, by whichever metric."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from lcsearch.core.metric import ACCURACY, Metric, score
from lcsearch.core.spec import Precision
from lcsearch.data import DatasetInfo, Split
from lcsearch.data.answers import answers_of
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.train.sure import sure_answers

_IMAGES = 100
_PIXELS = 1 << 20
"""At a time on a GPU, at the least number of images."""


def evaluate(
    model: nn.Module,
    split: Split,
    info: DatasetInfo,
    *,
    metric: Metric = ACCURACY,
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
) -> float:
    """A metric in percent, of all images together, as `scores_of` computes it."""
    return scores_of(model, split, info, (metric,), batch_size=batch_size, device=device)[metric]


def images_at_once(image_size: int, device: str | torch.device) -> int:
    """Images that evaluation gives to a device in one forward pass.

    Large batches make evaluation, not training, the peak of memory; but a GPU is busy only with many pixels.

    Args:
        image_size: Height and width, in pixels.
        device: Which.
    """
    return max(_IMAGES, _PIXELS // image_size**2) if torch.device(device).type == "cuda" else _IMAGES


@torch.no_grad()
def scores_of(
    model: nn.Module,
    split: Split,
    info: DatasetInfo,
    metrics: Sequence[Metric],
    *,
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
    precision: Precision = "float32",
) -> dict[Metric, float]:
    """Metrics in percent of all images, in evaluation mode, by the answers that the model gives in float32.

    The model's mode is put back.

    Args:
        model: Maps images (b, c, h, w) to scores (b, classes); already on the device.
        split: The images and labels.
        info: How the images are normalised.
        metrics: Which.
        batch_size: Images per forward pass; None for as many as the device likes.
        device: Where to compute.
        precision: With bfloat16 only those images are asked for in float32 whose answer in bfloat16 may be
            another: see `lcsearch.train.sure`.
    """
    was_training = model.training
    model.eval()
    answers = answers_of if precision == "float32" else sure_answers
    size = batch_size or images_at_once(info.image_size, device)
    with fast_convolutions(model, device):
        found = answers(model, split, info, size, device)
    model.train(was_training)
    # One copy to the CPU: each waits for the device.
    predicted, labels = torch.stack([found, split.labels.to(device)]).cpu().numpy()
    return {metric: score(metric, labels, predicted) for metric in metrics}

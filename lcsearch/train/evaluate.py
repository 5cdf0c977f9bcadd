"""The share of images that a model classifies correctly."""

from __future__ import annotations

import torch
from torch import nn

from lcsearch.data import Batches, DatasetInfo, Split


@torch.no_grad()
def evaluate(
    model: nn.Module,
    split: Split,
    info: DatasetInfo,
    *,
    batch_size: int = 100,
    device: str | torch.device = "cpu",
) -> float:
    """Accuracy in percent, in float32 and evaluation mode; the model's mode is put back.

    Args:
        model: Maps images (b, c, h, w) to scores (b, classes); already on the device.
        split: The images and labels.
        info: How the images are normalised.
        batch_size: Images per forward pass; large ones make evaluation, not training, the peak of memory.
        device: Where to compute.
    """
    was_training = model.training
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=device)
    for images, labels in Batches(split, info, batch_size, augment=False, device=device).epoch():
        correct += (model(images).argmax(dim=1) == labels).sum()
    model.train(was_training)
    return 100.0 * int(correct) / len(split.labels)

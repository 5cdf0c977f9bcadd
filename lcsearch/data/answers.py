"""What a model takes images for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.core.autocast import arithmetic
from lcsearch.core.spec import Precision
from lcsearch.data.batches import Batches
from lcsearch.data.dataset import DatasetInfo, Split


@torch.no_grad()
def answers_of(
    model: nn.Module,
    split: Split,
    info: DatasetInfo,
    batch_size: int,
    device: str | torch.device,
    precision: Precision = "float32",
) -> Tensor:
    """The class of the best score of each image, int64 (n,).

    Args:
        model: In evaluation mode, on the device.
        split: The images.
        info: How they are normalised.
        batch_size: Images per forward pass.
        device: Where to compute.
        precision: Of the forward passes; in bfloat16 those answers may be others whose scores are close.
    """
    batches = Batches(split, info, batch_size, augment=False, device=device)
    with arithmetic(precision, device):
        return torch.cat([model(images).argmax(dim=1) for images, _ in batches.epoch()])

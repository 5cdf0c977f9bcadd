"""A compressed model cut out of a trained backbone, ready to be fine-tuned."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import DEFAULT_HOW, FIT_IMAGES, How, compress_trained
from lcsearch.core.spec import LayerSpec
from lcsearch.data import Batches, SearchData, Split

NORM_IMAGES = 512
"""Training images that batch norm statistics are estimated on."""


def cut_out(
    backbone: nn.Module,
    layers: Mapping[str, LayerSpec],
    data: SearchData,
    *,
    device: str | torch.device = "cpu",
    how: How = DEFAULT_HOW,
) -> nn.Module:
    """Compress a trained backbone and make its batch norm fit again; no training image's label is used.

    Args:
        backbone: The trained backbone; it is moved to the device.
        layers: Module name to what becomes of it. Without any the backbone comes back as it is.
        data: Its first training images are what layers and statistics are fitted to.
        device: Where to compute.
        how: What the new layers shall be close to.

    Raises:
        InputError: The layers do not fit the backbone, or its weights are not finite.
    """
    backbone.to(device)
    if not layers:
        return backbone
    images = first_images(data, NORM_IMAGES, device)
    model = compress_trained(backbone, layers, images[:FIT_IMAGES], how=how)
    reestimate(model, images)
    return model


def first_images(data: SearchData, count: int, device: str | torch.device = "cpu") -> Tensor:
    """The first training images (n, c, h, w), normalised, as evaluation sees them."""
    few = Split(data.train.images[:count], data.train.labels[:count])
    images, _ = next(iter(Batches(few, data.info, len(few), augment=False, device=device).epoch()))
    return images

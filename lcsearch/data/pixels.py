"""uint8 images of another size, and their statistics. Nothing here makes a float copy of a whole set."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from lcsearch.data.content import digest_of_arrays
from lcsearch.data.dataset import Raw

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What photographs are normalised with, per channel of pixel values in 0..1."""

_CHUNK, _MOST_NUMBERS = 1024, 50_000_000
"""Images at once, and numbers of them at once where they are converted to float64."""
_MOST_PADDING = 4


def from_arrays(images: Tensor, labels: Tensor) -> Raw:
    """A part that is decoded already.

    Args:
        images: uint8, (n, channels, size, size).
        labels: int64, (n,).
    """

    @cache
    def content() -> str:
        return digest_of_arrays([images])

    return Raw(labels, lambda indices, size: fit(images[indices], size), content=content)


def fit(images: Tensor, size: int) -> Tensor:
    """Bring images to ``size`` x ``size`` pixels.

    Up to four missing pixels are added as a zero border (28 to 32, as published nets for 32x32 images
    take MNIST); anything else is resized, bilinear with antialiasing.

    Args:
        images: uint8, (n, channels, s, s).
        size: Height and width wanted, in pixels.

    Returns:
        uint8, (n, channels, size, size).
    """
    missing = size - images.shape[-1]
    if missing == 0:
        return images
    if 0 < missing <= _MOST_PADDING:
        before, after = missing // 2, missing - missing // 2
        return F.pad(images, (before, after, before, after))
    return resize(images, size)


def resize(images: Tensor, size: int) -> Tensor:
    """Resize images (n, channels, s, s) of uint8 to ``size``, bilinear with antialiasing."""
    resized = images.new_empty((*images.shape[:2], size, size))
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK].float()
        chunk = F.interpolate(chunk, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
        resized[start : start + _CHUNK] = chunk.round_().clamp_(0, 255).to(torch.uint8)
    return resized


def mean_and_std(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, on the scale where 255 is 1.

    A constant channel gets a deviation of 1, so that normalising it stays finite.

    Args:
        images: uint8, (n, channels, height, width), n at least 1.
    """
    total = torch.zeros(images.shape[1], dtype=torch.float64)
    squares = torch.zeros_like(total)
    at_once = min(_CHUNK, max(1, _MOST_NUMBERS // images[0].numel()))
    for start in range(0, len(images), at_once):
        chunk = images[start : start + at_once].double() / 255
        total += chunk.sum(dim=(0, 2, 3))
        squares += chunk.square().sum(dim=(0, 2, 3))
    count = images.numel() // images.shape[1]
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0)
    std = torch.where(variance < 1e-12, 1.0, variance.sqrt())
    return tuple(mean.tolist()), tuple(std.tolist())

"""Random resized crops: a part of each image, of random size, shape and place, resized to the whole.

The usual views of photographs (Szegedy et al. 2014, arXiv 1409.4842), of a whole batch at once.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST_AREA = 0.35
"""Share of an image's area that a part has at least. The usual 0.08 is for trainings of many epochs; those of
a search are short, and see few views of each image. Not measured."""

MOST_STRETCHED = 4 / 3
"""Width over height of a part, in relation to the image, at most; at least its inverse."""


def random_parts(place: Tensor, shape: Tensor) -> Tensor:
    """Draw parts: areas uniform, stretches uniform in their logarithm, places uniform where the part fits.

    Args:
        place: Chances of the place, (2, n), uniform in [0, 1): top and left.
        shape: Chances of the area and of the stretch, (2, n).

    Returns:
        (n, 4): top, left, height and width, each as a share of the image's, float64.
    """
    place, shape = place.double(), shape.double()
    area = LEAST_AREA + (1 - LEAST_AREA) * shape[0]
    stretch = torch.exp((2 * shape[1] - 1) * math.log(MOST_STRETCHED))
    height, width = (area / stretch).sqrt().clamp(max=1), (area * stretch).sqrt().clamp(max=1)
    return torch.stack([place[0] * (1 - height), place[1] * (1 - width), height, width], dim=1)


def resized_parts(images: Tensor, parts: Tensor) -> Tensor:
    """Resize a part of each image to the whole, bilinear; parts are never shrunk, so nothing is smoothed.

    Args:
        images: (n, channels, height, width), of any type.
        parts: (n, 4), as `random_parts` has them.

    Returns:
        Of the same shape, float32; not rounded.
    """
    top, left, height, width = parts.to(torch.float32).unbind(1)
    theta = images.new_zeros((len(images), 2, 3), dtype=torch.float32)
    theta[:, 0, 0], theta[:, 0, 2] = width, 2 * left + width - 1
    theta[:, 1, 1], theta[:, 1, 2] = height, 2 * top + height - 1
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)

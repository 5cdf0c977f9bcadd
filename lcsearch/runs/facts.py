"""What the data set and the space decide about a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What the data set and the space decide, found once when the run is made.

    Attributes:
        num_classes: Labels of the data set.
        in_channels: Channels of its images.
        image_size: Height and width in pixels.
        train_images: Training images.
        validation_images: Validation images.
        smallest_params: Parameters of the smallest model that the space holds.
        largest_params: Parameters of the largest.
    """

    num_classes: int
    in_channels: int
    image_size: int
    train_images: int
    validation_images: int
    smallest_params: int = 0
    largest_params: int = 0

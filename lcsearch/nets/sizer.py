"""Counts models by their specs, without training them or making their numbers."""

from __future__ import annotations

import torch

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.nets import surgery
from lcsearch.nets.count import Count, count, count_spare


class Sizer:
    """Counts models of images of one shape.

    Args:
        image: Channels, height and width.
    """

    def __init__(self, image: tuple[int, int, int]) -> None:
        self._image = image
        self._needs_values = False

    def __call__(self, spec: ModelSpec) -> Count:
        """Count one model, built on the meta device.

        Raises:
            InputError: It cannot be built, or does not run on these images.
        """
        with torch.device("meta"):
            if not self._needs_values:
                try:
                    return count_spare(surgery.build_model(spec), self._image)
                except InputError:  # a net that needs values runs elsewhere, and another is said of
                    pass
            found = count(surgery.build_model(spec), self._image)
        self._needs_values = True
        return found

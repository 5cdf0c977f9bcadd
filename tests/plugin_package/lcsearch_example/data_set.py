"""A data set that needs no files: stripes that lie, stand or cross, in noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from lcsearch.data.dataset import DataSet, Part, Raw
from lcsearch.data.pixels import from_arrays

_COUNTS = {"train": 300, "test": 60}


@dataclass(frozen=True, kw_only=True, eq=False)
class Stripes(DataSet):
    """Images are drawn when they are read."""

    def read(self, folder: Path, part: Part) -> Raw:
        """Draw the images of a part, the same every time."""
        generator = torch.Generator().manual_seed(len(part))
        labels = torch.arange(_COUNTS[part]) % self.num_classes
        side = self.image_size
        wave = torch.arange(side).remainder(4).lt(2).float().mul(120)
        lying = wave[:, None].expand(side, side)
        kinds = torch.stack([lying, lying.T, (lying + lying.T) / 2])
        noise = torch.rand(len(labels), 1, side, side, generator=generator) * 135
        return from_arrays((kinds[labels][:, None] + noise).byte(), labels)


STRIPES = Stripes(
    summary="stripes that lie, stand or cross",
    num_classes=3,
    in_channels=1,
    image_size=16,
    mean=(0.5,),
    std=(0.27,),
    flip=True,
    train_images=_COUNTS["train"],
    test_images=_COUNTS["test"],
)

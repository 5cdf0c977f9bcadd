"""Folders of small pictures that tests add to, cut and change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("cone", "cube", "ring")


def picture(seed: int) -> Image.Image:
    """Noise of its own."""
    pixels = np.random.default_rng(seed).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def make_folder(root: Path, per_class: int = 20) -> Path:
    """One folder a class, no two pictures alike."""
    for k, kind in enumerate(CLASSES):
        (root / kind).mkdir(parents=True)
        for number in range(per_class):
            picture(1000 * k + number).save(root / kind / f"{number:02}.bmp")
    return root

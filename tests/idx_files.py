"""Writes IDX files, by the format's description."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np


def image_bytes(images: np.ndarray, *, magic: int = 2051, count: int | None = None) -> bytes:
    n, rows, columns = images.shape
    return struct.pack(">iiii", magic, n if count is None else count, rows, columns) + images.tobytes()


def label_bytes(labels: np.ndarray, *, magic: int = 2049) -> bytes:
    return struct.pack(">ii", magic, len(labels)) + labels.astype(np.uint8).tobytes()


def write_set(folder: Path, *, train: int = 60, test: int = 20, packed: bool = True, seed: int = 0) -> Path:
    """A set of random 28x28 images with labels 0 to 9 in turn; the first pixels tell the part and place."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for prefix, count in (("train", train), ("t10k", test)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        images[:, 0, 0] = prefix == "t10k"
        images[:, 0, 1] = np.arange(count)
        write(folder / f"{prefix}-images-idx3-ubyte", image_bytes(images), packed=packed)
        write(folder / f"{prefix}-labels-idx1-ubyte", label_bytes(np.arange(count) % 10), packed=packed)
    return folder


def write(path: Path, content: bytes, *, packed: bool = True) -> Path:
    if packed:
        path, content = path.with_name(path.name + ".gz"), gzip.compress(content)
    path.write_bytes(content)
    return path

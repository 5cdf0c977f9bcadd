"""``folder:PATH``: the user's own image files, one folder a class, as torchvision's ``ImageFolder`` has it.

Either PATH/train/CLASS/* and PATH/test/CLASS/*, or PATH/CLASS/*, of which a fixed stratified fifth
becomes the test part. Images become RGB of 8 bits (`pictures` says how), their shorter side is resized to the
image size and the middle is kept. Decoded images are kept in the cache, under a digest of the files' paths,
sizes and times.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError, reason
from lcsearch.core.files import replacing
from lcsearch.data.dataset import DataSet, Listing, Part, Raw
from lcsearch.data.pictures import eight_bits, upright
from lcsearch.data.places import cache_dir
from lcsearch.data.split import stratified_order

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_DEFAULT_SIZE = 32
_TEST_SHARE = 0.2
_DECODED_AS = 2
"""Counts up whenever files are decoded to other pixels: what a version before has kept is not taken."""
_MIXED_UP = ("train", "val", "valid", "validation")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFolders(DataSet):
    """Image files, one folder a class.

    Attributes:
        root: The folder of the user's PATH.
    """

    root: Path

    def places(self, data_dir: Path | None) -> list[Path]:
        """The user's folder alone."""
        return [self.root]

    def read(self, folder: Path, part: Part) -> Raw:
        """List one part; images are decoded as they are taken."""
        files, labels = _listing(self.name, folder / part if _has_parts(folder) else folder)
        if not _has_parts(folder):
            order = stratified_order(labels)
            held_out = max(1, round(_TEST_SHARE * len(files)))
            chosen = order[:held_out] if part == "test" else order[held_out:]
            files, labels = [files[i] for i in chosen.tolist()], labels[chosen]
        return _raw(files, labels, folder)

    def test_listing(self, folder: Path) -> Listing:
        """The files of the test part; reading it only lists them."""
        raw = self.read(folder, "test")
        return raw.listing(torch.arange(len(raw.labels)))

    def pool(self, folder: Path) -> Raw | None:
        """All images, where a fifth of them becomes the test part."""
        return None if _has_parts(folder) else _raw(*_listing(self.name, folder), folder)


def image_folders(name: str) -> ImageFolders:
    """The data set of ``folder:PATH``; lists folders and reads no image.

    Normalisation is ImageNet's, flips are on, images have 32x32 pixels unless the user asks for others.

    Raises:
        InputError: There is no such folder, or it has another layout.
    """
    root = Path(name.removeprefix("folder:")).expanduser()
    if name == "folder:" or not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        raise _wrong(name, "no such readable folder; expected folder:PATH with one folder of images a class")
    classes = tuple(_classes(name, root))
    return ImageFolders(
        name=name,
        summary=f"images of {root}",
        num_classes=len(classes),
        classes=classes,
        in_channels=3,
        image_size=_DEFAULT_SIZE,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        flip=True,
        root=root,
    )


def _raw(files: Sequence[Path], labels: Tensor, folder: Path) -> Raw:
    return Raw(
        labels,
        lambda indices, size: _decoded([files[i] for i in indices.tolist()], size),
        files=tuple(path.relative_to(folder).as_posix() for path in files),
        folder=folder,
    )


def _wrong(name: str, problem: str) -> InputError:
    return InputError(problem, setting="dataset", value=name)


def _classes(name: str, root: Path) -> list[str]:
    if _has_parts(root):
        classes, tested = _folders(root / "train"), _folders(root / "test")
        if classes != tested:
            odd = sorted(set(classes) ^ set(tested))[0]
            raise _wrong(name, f"class {odd!r} is in only one of train/ and test/")
    else:
        classes = _folders(root)
        mixed_up = [part for part in _MIXED_UP if part in classes]
        if mixed_up:
            raise _wrong(
                name,
                f"has a folder {mixed_up[0]}/ but not both train/ and test/; rename the held-out images' "
                "folder to test/, or give a folder that holds class folders only",
            )
    if len(classes) < 2:
        raise _wrong(name, f"{len(classes)} class folders in it; at least 2 are needed")
    return classes


def _has_parts(root: Path) -> bool:
    return (root / "train").is_dir() and (root / "test").is_dir()


def _folders(root: Path) -> list[str]:
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir())


def _listing(name: str, folder: Path) -> tuple[list[Path], Tensor]:
    from torchvision.datasets import ImageFolder

    try:
        samples = ImageFolder(folder).samples
    except (OSError, RuntimeError) as error:
        raise _wrong(name, reason(error)) from error
    return [Path(path) for path, _ in samples], torch.tensor([label for _, label in samples])


def _decoded(files: Sequence[Path], size: int) -> Tensor:
    """The images, uint8 (n, 3, size, size), from the cache where they were decoded before."""
    kept = cache_dir() / "folders" / f"{_digest(files, size)}.npy"
    shape = (len(files), 3, size, size)
    try:
        images = np.load(kept, allow_pickle=False)
        if images.shape == shape and images.dtype == np.uint8:
            return torch.from_numpy(images)
    except (OSError, ValueError, EOFError):
        pass
    images = np.empty(shape, dtype=np.uint8)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for place, image in enumerate(pool.map(lambda path: _decode(path, size), files)):
            images[place] = image
    _keep(kept, images)
    return torch.from_numpy(images)


def _decode(path: Path, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    from PIL import Image
    from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

    try:
        with Image.open(path) as image:
            rgb = eight_bits(upright(image)).convert("RGB")
            pixels: Tensor = pil_to_tensor(center_crop(resize(rgb, size), [size, size]))
    except InputError as error:
        raise InputError(f"{path}: ", *error.parts) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: no readable image ({reason(error)})") from error
    return pixels.numpy()


def _digest(files: Sequence[Path], size: int) -> str:
    digest = hashlib.sha256(f"{_DECODED_AS} {size}".encode())
    for path in files:
        state = path.stat()
        digest.update(f"\0{path.absolute()}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _keep(path: Path, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """Write decoded images; a cache that cannot be written only costs time."""
    with contextlib.suppress(OSError, InputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as part, part.open("wb") as file:
            np.save(file, images)

"""``folder:PATH``: the user's own image files, one folder a class, as torchvision's ``ImageFolder`` has it.

Either PATH/train/CLASS/* and PATH/test/CLASS/*, and for validation PATH/val/CLASS/* where it is there; or
PATH/CLASS/*, of which a fixed stratified fifth becomes the test part.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from lcsearch.core.errors import InputError, said_of
from lcsearch.data.class_folders import Found, class_names, find_images
from lcsearch.data.dataset import DataSet, Listing, Part, Raw
from lcsearch.data.image_files import check_headers, of_files
from lcsearch.data.left_out import LeftOut, is_text, shown
from lcsearch.data.pixels import IMAGENET_MEAN, IMAGENET_STD
from lcsearch.data.split import fixed_share

_DEFAULT_SIZE = 32
_VALIDATION = ("val", "valid", "validation")
_LIKE_TRAIN, _LIKE_TEST = {"train", "training"}, {"test", "testing", *_VALIDATION}
"""Names in small letters of folders that are no classes, where both kinds are there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFolders(DataSet):
    """Image files, one folder a class.

    Attributes:
        root: The folder of the user's PATH.
        validation: The name of the folder in it whose images validate; None where there is none.
    """

    root: Path
    validation: str | None

    def places(self, data_dir: Path | None) -> list[Path]:
        """The user's folder alone."""
        return [self.root]

    def read(self, folder: Path, part: Part) -> Raw:
        """List one part; images are decoded as they are taken. The images of val/ belong to ``train``."""
        if _has_parts(folder):
            return _raw(self._find(folder / part), folder) if part == "test" else self._read_train(folder)
        found = self._find(folder)
        return _raw(found, folder, fixed_share(found.labels, part))

    def test_listing(self, folder: Path) -> Listing:
        """The files of the test part; reading it only lists them."""
        raw = self.read(folder, "test")
        return raw.listing(torch.arange(len(raw.labels)))

    def check_test(self, folder: Path) -> tuple[str, ...]:
        """Look at the names of the test part's files, and at their headers."""
        raw = self.read(folder, "test")
        with said_of("dataset", self.name):
            check_headers([folder / file for file in raw.files])
        return raw.left_out

    def pool(self, folder: Path) -> Raw | None:
        """All images, where a fifth of them becomes the test part."""
        return None if _has_parts(folder) else _raw(self._find(folder), folder)

    def without_validation(self) -> Self:
        """Leave val/ out."""
        return replace(self, validation=None)

    def _read_train(self, folder: Path) -> Raw:
        found, validation = self._find(folder / "train"), None
        beside = _beside(folder, self.validation)
        if self.validation is not None:
            first, found = len(found.files), found.with_more(self._find(folder / self.validation, True))
            validation = torch.arange(first, len(found.files))
            if not len(validation):
                raise _wrong(self.name, f"there is no image in {self.validation}/")
        return replace(_raw(found, folder, left_out=beside), validation=validation)

    def _find(self, folder: Path, may_lack: bool = False) -> Found:
        with said_of("dataset", self.name):
            return find_images(folder, self.classes, may_lack=may_lack)


def image_folders(name: str) -> ImageFolders:
    """The data set of ``folder:PATH``; lists folders and reads no image.

    Normalisation is ImageNet's, flips are on, images have 32x32 pixels unless the user asks for others.

    Raises:
        InputError: There is no such folder, or it has another layout.
    """
    root = Path(name.removeprefix("folder:")).expanduser()
    if name == "folder:" or not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        raise _wrong(name, "no such readable folder; expected folder:PATH with one folder of images a class")
    if not is_text(root):
        raise _wrong(shown(name), "the name of the folder is not UTF-8; rename it")
    with said_of("dataset", name):
        classes, validation = _layout(root)
    return ImageFolders(
        name=name,
        summary=f"images of {root}",
        num_classes=len(classes),
        classes=tuple(classes),
        in_channels=3,
        image_size=_DEFAULT_SIZE,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        flip=True,
        root=root,
        validation=validation,
    )


def _wrong(name: str, problem: str) -> InputError:
    return InputError(problem, setting="dataset", value=name)


def _layout(root: Path) -> tuple[list[str], str | None]:
    """The names of the classes, and that of the folder whose images validate."""
    inside = class_names(root)
    validation = None
    if _has_parts(root):
        classes, validation = class_names(root / "train"), _validation(inside)
        _check_same(classes, class_names(root / "test"))
        if validation is not None:
            _check_known(classes, class_names(root / validation), validation)
    else:
        classes = inside
        _check_no_parts(classes)
    if len(classes) < 2:
        raise InputError(f"{len(classes)} class folders in it; at least 2 are needed")
    return classes, validation


def _check_no_parts(classes: Sequence[str]) -> None:
    parts = [name for name in ("train", *_VALIDATION) if name in classes]
    small = {name.lower() for name in classes}
    if small & _LIKE_TRAIN and small & _LIKE_TEST:
        parts += [name for name in classes if name.lower() in _LIKE_TRAIN]
    if parts:
        raise InputError(
            f"has a folder {parts[0]}/ but not both train/ and test/; rename the held-out images' folder to "
            "test/, or give a folder that holds class folders only"
        )


def _validation(inside: Sequence[str]) -> str | None:
    found = [name for name in _VALIDATION if name in inside]
    if len(found) > 1:
        raise InputError(f"has both {found[0]}/ and {found[1]}/; leave one of them for validation")
    return found[0] if found else None


def _check_same(classes: Sequence[str], tested: Sequence[str]) -> None:
    odd = sorted(set(classes) ^ set(tested))
    if odd:
        raise InputError(f"class {odd[0]!r} is in only one of train/ and test/")


def _check_known(classes: Sequence[str], validated: Sequence[str], validation: str) -> None:
    odd = sorted(set(validated) - set(classes))
    if odd:
        raise InputError(f"class {odd[0]!r} is in {validation}/ but not in train/")


def _has_parts(root: Path) -> bool:
    return (root / "train").is_dir() and (root / "test").is_dir()


def _beside(root: Path, validation: str | None) -> tuple[str, ...]:
    """A line where other folders lie beside the parts."""
    left_out = LeftOut(root)
    for name in class_names(root):
        if name not in ("train", "test", validation):
            left_out.add("folder", str(root / name))
    return left_out.lines()


def _raw(found: Found, folder: Path, chosen: Tensor | None = None, left_out: tuple[str, ...] = ()) -> Raw:
    """Images that were found, or those of them that are chosen, int64 (k,), in their order."""
    order = torch.arange(len(found.files)) if chosen is None else chosen
    files = [found.files[i].relative_to(folder).as_posix() for i in order.tolist()]
    return of_files(
        f"folder:{folder}", found.labels[order], files, folder, left_out=(*left_out, *found.left_out)
    )

"""Folders of image files, one a class: which files are taken, and which are refused."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lcsearch.core.errors import InputError, reason
from lcsearch.data.left_out import LeftOut, is_text, shown


@dataclass(frozen=True, eq=False)
class Found:
    """The images of one folder of class folders.

    Attributes:
        files: In the order of torchvision's ``ImageFolder``.
        labels: Of each, int64 (n,): the place of its class folder.
        left_out: What else lies there, in at most one line for each folder.
    """

    files: list[Path]
    labels: Tensor
    left_out: tuple[str, ...]

    def with_more(self, other: Found) -> Found:
        """These and then the others, of the same classes."""
        labels = torch.cat([self.labels, other.labels])
        return Found(self.files + other.files, labels, self.left_out + other.left_out)


def class_names(folder: Path) -> list[str]:
    """The class folders of a folder, in alphabetical order; hidden ones are none.

    Raises:
        InputError: Something in it is refused; names it.
    """
    return [entry.name for entry in _entries(folder) if not _is_hidden(entry) and entry.is_dir()]


def find_images(folder: Path, classes: Sequence[str], *, may_lack: bool = False) -> Found:
    """List the images of class folders, at any depth, and open none.

    Args:
        folder: Holds the class folders.
        classes: Their names, in the order of the labels.
        may_lack: Whether a class may have no image, or no folder.

    Raises:
        InputError: A class has no image, or something in a folder is refused; names it.
    """
    files: list[Path] = []
    labels: list[int] = []
    left_out = LeftOut(folder)
    _look_beside(folder, classes, left_out)
    for label, name in enumerate(classes):
        place = folder / name
        found = [] if may_lack and not place.is_dir() else _images(place, left_out)
        if not found and not may_lack:
            instead = "; ".join(("there is no image in it", *left_out.lines(name)))
            raise InputError(f"{shown(place)}: {instead}")
        files += found
        labels += [label] * len(found)
    return Found(files, torch.tensor(labels, dtype=torch.int64), left_out.lines())


def _look_beside(folder: Path, classes: Sequence[str], left_out: LeftOut) -> None:
    for entry in _entries(folder):
        if _is_hidden(entry):
            _leave_hidden(entry, left_out)
        elif entry.name not in classes and _is_image(entry):
            left_out.add("loose", entry.path)


def _images(folder: Path, left_out: LeftOut) -> list[Path]:
    files: list[str] = []
    waiting = [folder]
    while waiting:
        for entry in _entries(waiting.pop()):
            if _is_hidden(entry):
                _leave_hidden(entry, left_out)
            elif entry.is_dir():
                waiting.append(_inner(entry))
            elif _is_image(entry):
                files.append(entry.path)
            else:
                left_out.add("other", entry.path)
    return [Path(path) for path in sorted(files, key=os.path.split)]


def _leave_hidden(entry: os.DirEntry[str], left_out: LeftOut) -> None:
    """Note a hidden folder, or a hidden file with the name of an image; others nobody takes for images."""
    if _named_as_image(entry) or Path(entry.path).is_dir():
        left_out.add("hidden", entry.path)


def _inner(entry: os.DirEntry[str]) -> Path:
    inner = Path(entry.path)
    if entry.is_symlink() and inner.parent.resolve().is_relative_to(inner.resolve()):
        raise InputError(f"{shown(inner)}: a link to a folder that it lies in")
    return inner


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder, by name, checked unless it is hidden."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{shown(folder)}: cannot be read ({error.strerror or reason(error)})") from error
    for entry in entries:
        if not _is_hidden(entry):
            _check(entry)
        yield entry


def _check(entry: os.DirEntry[str]) -> None:
    if not is_text(entry.name):
        raise InputError(f"{shown(entry.path)}: its name is not UTF-8; rename it")
    if entry.is_symlink() and not Path(entry.path).exists():
        target = shown(Path(entry.path).readlink())
        raise InputError(f"{shown(entry.path)}: a link to {target}, which is not there")


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".")


def _is_image(entry: os.DirEntry[str]) -> bool:
    return _named_as_image(entry) and entry.is_file()


def _named_as_image(entry: os.DirEntry[str]) -> bool:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    return entry.name.lower().endswith(IMG_EXTENSIONS)

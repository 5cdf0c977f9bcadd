"""From the name of a data set to tensors: what the search may see, and, once, the test images."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.core.room import USUAL, Room
from lcsearch.data import by_torchvision, folder, hugging_face, places, user
from lcsearch.data.chosen import Chosen
from lcsearch.data.dataset import DataSet, Raw, SearchData, Split
from lcsearch.data.digest import ImageLine
from lcsearch.data.division import Division
from lcsearch.data.holding import held
from lcsearch.data.matching import recorded_test_images
from lcsearch.data.old_split import test_files

SMALLEST_IMAGE, LARGEST_IMAGE = 8, 512
_FOLDER = "folder:"
_final = ContextVar("lcsearch_final_evaluation", default=False)


@dataclass(frozen=True, slots=True)
class Description:
    """One line of ``lcsearch datasets``.

    Attributes:
        name: What ``--dataset`` takes.
        summary: What is on the images.
        train_images: Images that training and validation share; None where only reading tells.
        test_images: Images of the test part; likewise.
        num_classes: Number of labels; None where somebody's data set does not load, likewise the next two.
        in_channels: Channels of an image.
        image_size: Height and width, in pixels.
        found: The folder that holds it, ``.`` if it needs none; None where it would be downloaded.
        problem: What is wrong with the files that were found, or why it does not load; None if nothing is.
    """

    name: str
    summary: str = ""
    train_images: int | None = None
    test_images: int | None = None
    num_classes: int | None = None
    in_channels: int | None = None
    image_size: int | None = None
    found: str | None = None
    problem: str | None = None


def names() -> list[str]:
    """The data sets that have a name, in alphabetical order: ours, and those that entry points add."""
    return plugins.names(plugins.DATA_SET)


def full_name(name: str) -> str:
    """A data set's name as it is understood in any folder: that of image folders gets the whole path."""
    if name.startswith(by_torchvision.PREFIX):
        return by_torchvision.full_name(name)
    if name.startswith(hugging_face.PREFIX):
        return hugging_face.full_name(name)
    path = name.removeprefix(_FOLDER)
    return f"{_FOLDER}{Path(path).expanduser().resolve()}" if name.startswith(_FOLDER) and path else name


def describe(name: str, *, data_dir: str | Path | None = None) -> Description:
    """What is known of a data set without reading its images.

    Raises:
        InputError: No such data set, or no such ``data_dir``.
    """
    where = _folder(data_dir)
    try:
        data_set = _find(name, where)
    except InputError as error:
        if name not in names():
            raise
        return Description(name, problem=_problem(error))
    found, problem = None, None
    try:
        found = places.find(data_set, where)
    except InputError as error:
        problem = _problem(error)
    return Description(
        name=data_set.name,
        summary=data_set.summary,
        train_images=data_set.train_images,
        test_images=data_set.test_images,
        num_classes=data_set.num_classes,
        in_channels=data_set.in_channels,
        image_size=data_set.image_size,
        found=None if found is None else str(found),
        problem=problem,
    )


def fetch(name: str, *, data_dir: str | Path | None = None, timeout: float = places.DOWNLOAD_TIMEOUT) -> Path:
    """Make sure that a data set is on this machine; reads no image.

    Args:
        name: As in `load`.
        data_dir: As in `load`.
        timeout: Seconds without an answer after which a download is given up.

    Returns:
        The folder that holds it.

    Raises:
        InputError: It is nowhere and cannot be downloaded.
    """
    where = _folder(data_dir)
    return places.locate(_find(name, where), where, timeout=timeout)


def load(
    name: str,
    *,
    data_dir: str | Path | None = None,
    train_images: int | None = None,
    validation_images: int | None = None,
    image_size: int | None = None,
    own_validation: bool = True,
    room: Room = USUAL,
) -> SearchData:
    """Read training and validation images; never a test image.

    Validation is cut from the training part by a fixed stratified shuffle that no seed changes, unless the
    set has a validation part of its own. Fewer training images are a subset of more. A set without a test
    part of its own has a fixed fifth set aside for it.

    Args:
        name: A name from `names`, ``torchvision:NAME``, ``hf:NAME``, ``folder:PATH``, or
            ``package.module:function``.
        data_dir: Where to look first.
        train_images: Images to train on; None for all that validation leaves.
        validation_images: Images to validate on; None for all of the set's own validation part, where there
            is none for a fifth of the training part, at most 5,000.
        image_size: Height and width of the images; None for the data set's own.
        own_validation: Whether a validation part of the set's own is used, where there is one.
        room: For decoded images; what needs more is read from a file.

    Raises:
        InputError: Anything the user can get wrong, damaged files included.
    """
    return divide(
        name,
        data_dir=data_dir,
        train_images=train_images,
        validation_images=validation_images,
        image_size=image_size,
        own_validation=own_validation,
        room=room,
    ).decoded()


def divide(
    name: str,
    *,
    data_dir: str | Path | None = None,
    train_images: int | None = None,
    validation_images: int | None = None,
    image_size: int | None = None,
    own_validation: bool = True,
    room: Room = USUAL,
) -> Division:
    """Say which images `load` would read, with its arguments and errors."""
    whole = undivided(
        name, data_dir=data_dir, image_size=image_size, own_validation=own_validation, room=room
    )
    return whole.divided(train_images, validation_images)


def undivided(
    name: str,
    *,
    data_dir: str | Path | None = None,
    image_size: int | None = None,
    own_validation: bool = True,
    room: Room = USUAL,
) -> Division:
    """List the images that `load` would read from, all of them unused, with its arguments and errors."""
    where = _folder(data_dir)
    data_set = _find(name, where, room)
    size = _checked_size(data_set, image_size)
    folder = places.locate(data_set, where)
    return Division.of(data_set if own_validation else data_set.without_validation(), folder, size, room)


@contextlib.contextmanager
def final_evaluation() -> Iterator[None]:
    """Allow `test_split` inside: validation picks, test reports, so nothing may be chosen in here."""
    token = _final.set(True)
    try:
        yield
    finally:
        _final.reset(token)


def test_split(
    name: str, *, data_dir: str | Path | None = None, image_size: int | None = None, room: Room = USUAL
) -> Split:
    """Read the test images, all of them, in the order of their files.

    Args:
        name: As in `load`.
        data_dir: As in `load`.
        image_size: As in `load`.
        room: As in `load`.

    Raises:
        RuntimeError: Outside of ``with final_evaluation():``.
        InputError: As in `load`.
    """
    data_set, folder, size = _for_test(name, data_dir, image_size, room)
    raw = data_set.read(folder, "test")
    return _test(data_set, raw, torch.arange(len(raw.labels)), size, room)


def recorded_test_split(
    name: str,
    lines: Iterable[ImageLine],
    *,
    data_dir: str | Path | None = None,
    image_size: int | None = None,
    room: Room = USUAL,
) -> Split:
    """Read the test images of a recorded split that are still there, whatever has become of the others.

    Args:
        name: As in `test_split`, with its other arguments and errors.
        lines: A line for each recorded image.
        data_dir: As in `load`.
        image_size: As in `load`.
        room: As in `load`.
    """
    data_set, folder, size = _for_test(name, data_dir, image_size, room)
    pool, lines = data_set.pool(folder), list(lines)
    raw = data_set.read(folder, "test") if pool is None else pool
    files = test_files(Division.of(data_set, folder, size), lines)
    chosen = recorded_test_images(raw, lines, files)
    if not chosen:
        raise InputError(f"{name}: no test image is left of those that there were")
    return _test(data_set, raw, torch.tensor(chosen), size, room)


def _for_test(
    name: str, data_dir: str | Path | None, image_size: int | None, room: Room
) -> tuple[DataSet, Path, int]:
    if not _final.get():
        raise RuntimeError(
            "the test images are for the final evaluation only: with data.final_evaluation(): ..."
        )
    where = _folder(data_dir)
    data_set = _find(name, where, room)
    return data_set, places.locate(data_set, where), _checked_size(data_set, image_size)


def _test(data_set: DataSet, raw: Raw, chosen: Tensor, size: int, room: Room) -> Split:
    return held(data_set, [Chosen(raw, chosen)], size, room)[0]


def _find(name: str, data_dir: Path | None, room: Room = USUAL) -> DataSet:
    if name.startswith(_FOLDER):
        return folder.image_folders(name)
    if name.startswith(by_torchvision.PREFIX):
        return by_torchvision.named(name)
    if name.startswith(hugging_face.PREFIX):
        return hugging_face.hugging_face_set(name)
    if ":" in name:
        return user.users_own(name, data_dir, room)
    found: DataSet = plugins.find(plugins.DATA_SET, name)
    return replace(found, name=name)


def _problem(error: InputError) -> str:
    """What is wrong, without the setting: a description has the data set's name already."""
    return "".join(str(part) for part in error.problem)


def _checked_size(data_set: DataSet, image_size: int | None) -> int:
    size = data_set.image_size if image_size is None else image_size
    if not SMALLEST_IMAGE <= size <= LARGEST_IMAGE:
        allowed = f"{SMALLEST_IMAGE} to {LARGEST_IMAGE} pixels"
        raise InputError(allowed, setting="image_size", value=size)
    return size


def _folder(data_dir: str | Path | None) -> Path | None:
    where = None if data_dir is None else Path(data_dir).expanduser()
    if where is not None and not where.is_dir():
        raise InputError("no such folder", setting="data_dir", value=str(where))
    return where

"""``package.module:function``: the user's own data, as a train and a test data set.

The function returns a pair (train, test); each is a ``torch.utils.data.Dataset`` of (image, label), or a
pair of arrays (images, labels). It must return the same images each time. Images are taken before any
normalisation: uint8, floats in 0..1, or PIL images; (channels, size, size), or (size, size) for one channel.
PIL images are brought to 8 bits as those of folders are; one that comes straight from its file is turned as
its EXIF says, one that the function has worked on is taken as it is.
Mean and deviation are measured on the train data set; images are not mirrored unless the recipe says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError, one_line, reason, said_of
from lcsearch.core.functions import call_function
from lcsearch.data.content import arrays_of, digest_of_arrays
from lcsearch.data.dataset import DataSet, Listing, Part, Raw
from lcsearch.data.pictures import eight_bits, upright
from lcsearch.data.pixels import from_arrays, mean_and_std

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True, eq=False)
class UsersOwn(DataSet):
    """What a function of the user returned.

    Attributes:
        images: Of the train data set, uint8 (n, channels, size, size).
        labels: Likewise, int64 (n,).
        test: The test data set as it was returned: it is decoded when it is read.
    """

    images: Tensor
    labels: Tensor
    test: Any

    def read(self, folder: Path, part: Part) -> Raw:
        """Give the decoded train data set, or decode the test data set."""
        if part == "train":
            return from_arrays(self.images, self.labels)
        with said_of("dataset", self.name):
            images, labels = _decoded("test", self.test, expected=tuple(self.images.shape[1:]))
            _check_labels("test", labels, self.num_classes)
        return from_arrays(images, labels)

    def check_test(self, folder: Path) -> tuple[str, ...]:
        """Look at the shapes and labels of a pair of arrays; of other data sets at their length alone."""
        with said_of("dataset", self.name):
            if _is_pair(self.test):
                images, labels = self.test
                _, of_image = _shaped("test", images, labels, tuple(self.images.shape[1:]))
                _check_labels("test", of_image, self.num_classes)
            elif _length("test", self.test) == 0:
                raise InputError("test: no images")
        return ()

    def test_listing(self, folder: Path) -> Listing | None:
        """Labels of the test part where it is a pair of arrays, else how many images it has."""
        test = self.test
        if _is_pair(test):
            with said_of("dataset", self.name):
                return Listing.of_labels(_tensor("test: labels", test[1]).flatten().long().tolist())
        return Listing.of_labels([-1] * len(test)) if hasattr(test, "__len__") else None

    def test_content(self, folder: Path) -> str:
        """That of the pair of arrays, else of what the test data set holds: it is asked for no item."""
        with said_of("dataset", self.name):
            if _is_pair(self.test):
                return digest_of_arrays([_tensor("test", array) for array in self.test])
        return digest_of_arrays(list(arrays_of(self.test)))


def users_own(name: str, data_dir: Path | None) -> UsersOwn:
    """Call the user's function and decode its train data set; the test data set is not touched.

    Args:
        name: ``package.module:function``.
        data_dir: Handed on if the function has a parameter ``data_dir``.

    Raises:
        InputError: The function cannot be found or raises, or what it returns are no such data sets.
    """
    train, test = _called(name, data_dir)
    with said_of("dataset", name):
        images, labels = _decoded("train", train, expected=None)
        num_classes = int(labels.max()) + 1
        if num_classes < 2:
            raise InputError("train: all labels are 0; at least 2 classes are needed")
    mean, std = mean_and_std(images)
    return UsersOwn(
        name=name,
        summary="your own function",
        num_classes=num_classes,
        in_channels=images.shape[1],
        image_size=images.shape[2],
        mean=mean,
        std=std,
        flip=False,
        train_images=len(images),
        images=images,
        labels=labels,
        test=test,
    )


def _called(name: str, data_dir: Path | None) -> tuple[Any, Any]:
    result = call_function("dataset", name, {"data_dir": data_dir})
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        problem = f"the function returned {_kind(result)}; expected a pair (train, test)"
        raise InputError(problem, setting="dataset", value=name)
    return result[0], result[1]


def _decoded(what: str, data: Any, expected: tuple[int, ...] | None) -> tuple[Tensor, Tensor]:
    """uint8 images (n, channels, size, size) and int64 labels (n,), n at least 1."""
    if _is_pair(data):
        pixels, labels = _shaped(what, data[0], data[1], expected)
        images = _to_bytes(what, pixels)
    else:
        images, labels = _from_items(what, data, expected)
    _check_labels(what, labels)
    return images, labels


def _is_pair(data: Any) -> bool:
    """Whether it is (images, labels), and no list of items."""
    return isinstance(data, (tuple, list)) and len(data) == 2 and not isinstance(data[0], (tuple, list))


def _check_labels(what: str, labels: Tensor, num_classes: int | None = None) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise InputError(f"{what}: label {low}; labels are whole numbers from 0")
    if num_classes is not None and high >= num_classes:
        raise InputError(f"{what}: label {high}; train has labels 0 to {num_classes - 1}")


def _shaped(what: str, images: Any, labels: Any, expected: tuple[int, ...] | None) -> tuple[Tensor, Tensor]:
    """Pixels of any type, (n, channels, size, size), and int64 labels (n,); no pixel is looked at."""
    pixels = _tensor(what, images)
    if pixels.ndim == 3:
        pixels = pixels.unsqueeze(1)
    if pixels.ndim != 4:
        raise InputError(
            f"{what}: images of shape {tuple(pixels.shape)}; "
            "expected (n, channels, size, size) or (n, size, size)"
        )
    of_image = _tensor(what, labels)
    if of_image.ndim != 1 or len(of_image) != len(pixels) or len(pixels) == 0:
        raise InputError(
            f"{what}: labels of shape {tuple(of_image.shape)}; expected one for each of {len(pixels)} images"
        )
    if of_image.is_floating_point():
        raise InputError(f"{what}: labels are floats; expected whole numbers from 0")
    _check_shape(what, tuple(pixels.shape[1:]), expected)
    return pixels, of_image.long()


def _from_items(what: str, data: Any, expected: tuple[int, ...] | None) -> tuple[Tensor, Tensor]:
    """Decode item by item, each at once to uint8, so that no float copy of the set is ever held."""
    images: list[Tensor] = []
    labels: list[int] = []
    for index, item in enumerate(_items(what, data)):
        place = f"{what}: image {index}"
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise InputError(f"{place}: {_kind(item)}; expected a pair (image, label)")
        pixels = _tensor(place, item[0])
        if pixels.ndim == 2:
            pixels = pixels.unsqueeze(0)
        _check_shape(place, tuple(pixels.shape), expected)
        expected = tuple(pixels.shape)
        images.append(_to_bytes(place, pixels))
        labels.append(_label(place, item[1]))
    if not images:
        raise InputError(f"{what}: no images")
    return torch.stack(images), torch.tensor(labels)


def _length(what: str, data: Any) -> int:
    if not hasattr(data, "__getitem__") or not hasattr(data, "__len__"):
        raise InputError(
            f"{what}: {_kind(data)}; "
            "expected a torch.utils.data.Dataset of (image, label), or (images, labels)"
        )
    return len(data)


def _items(what: str, data: Any) -> Iterable[Any]:
    for index in range(_length(what, data)):
        try:
            yield data[index]
        except Exception as error:
            raise InputError(f"{what}: item {index} raised {one_line(error)}") from error


def _check_shape(what: str, found: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    if expected is not None and found != expected:
        raise InputError(f"{what} has shape {found}; expected {expected}, the shape of the images before")
    if len(found) != 3 or found[1] != found[2] or 0 in found:
        raise InputError(f"{what} has shape {found}; expected (channels, size, size)")


def _tensor(what: str, value: Any) -> Tensor:
    """A tensor, array or PIL image as a tensor on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if hasattr(value, "getbands"):
        return _from_picture(what, value)
    try:
        return torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what}: {_kind(value)}; expected a tensor, an array or a PIL image") from error


def _from_picture(what: str, picture: Image) -> Tensor:
    """uint8, (1, height, width) of grey, else (3, height, width)."""
    try:
        picture = eight_bits(upright(picture))
        pixels = np.array(picture if picture.mode == "L" else picture.convert("RGB"))
    except InputError as error:
        raise InputError(f"{what}: ", *error.parts) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{what}: no readable picture ({reason(error)})") from error
    return torch.from_numpy(np.atleast_3d(pixels).transpose(2, 0, 1))


def _to_bytes(what: str, pixels: Tensor) -> Tensor:
    """uint8 pixels as they are, floats in 0..1 times 255."""
    if pixels.dtype == torch.uint8:
        return pixels
    if not pixels.is_floating_point():
        raise InputError(f"{what}: pixels of type {pixels.dtype}; expected uint8 or floats in 0..1")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"{what}: float pixels from {low:g} to {high:g}; "
            "expected 0 to 1: return images before normalisation"
        )
    return pixels.mul(255).round_().to(torch.uint8)


def _label(what: str, value: Any) -> int:
    try:
        label = int(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: label {value!r}; expected a whole number from 0") from error
    if label != value:
        raise InputError(f"{what}: label {value!r}; expected a whole number from 0")
    return label


def _kind(value: Any) -> str:
    size = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
    return f"a {type(value).__name__}{size}"

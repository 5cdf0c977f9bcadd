"""``package.module:function``: the user's own data, as a train and a test data set.

The function returns a pair (train, test); each is a ``torch.utils.data.Dataset`` of (image, label), or a
pair of arrays (images, labels). It must return the same images each time. Images are taken before any
normalisation: uint8, floats in 0..1, or PIL images; (channels, size, size), or (size, size) for one channel.
PIL images are brought to 8 bits as those of folders are; one that comes straight from its file is turned as
its EXIF says, one that the function has worked on is taken as it is.
Mean and deviation are measured on the train data set; images are not mirrored unless the recipe says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import TensorDataset

from lcsearch.core.errors import InputError, said_of
from lcsearch.core.functions import call_function
from lcsearch.core.room import USUAL, Room
from lcsearch.data.content import arrays_of, digest_of_arrays
from lcsearch.data.dataset import DataSet, Listing, Part, Raw
from lcsearch.data.pixels import fit, from_arrays, mean_and_std
from lcsearch.data.streamed import Pixels, Wanted
from lcsearch.data.user_items import Items
from lcsearch.data.user_values import check_shape, kind, tensor, to_bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class UsersOwn(DataSet):
    """What a function of the user returned.

    Attributes:
        images: Of the train data set, uint8 (n, channels, size, size).
        labels: Likewise, int64 (n,).
        test: The test data set as it was returned: it is decoded when it is read.
        made_of: A digest of the train data set, as it is now.
        room: For decoded images.
    """

    images: Tensor
    labels: Tensor
    test: Any
    made_of: Callable[[], str]
    room: Room

    def read(self, folder: Path, part: Part) -> Raw:
        """Give the decoded train data set, or decode the test data set."""
        if part == "train":
            return self._raw(part, self.images, self.labels, self.made_of)
        expected = tuple(self.images.shape[1:])
        with said_of("dataset", self.name):
            images, labels, made_of = _decoded(self.name, "test", self.test, expected, self.room)
            _check_labels("test", labels, self.num_classes)
        return self._raw(part, images, labels, made_of)

    def _raw(self, part: Part, images: Tensor, labels: Tensor, made_of: Callable[[], str]) -> Raw:
        def stream(indices: Tensor, size: int) -> Wanted:
            key = f"{self.name} {part} {size} {digest_of_arrays([indices])}"
            shape = (len(indices), self.in_channels, size, size)

            def decode(first: int) -> Iterator[Pixels]:
                return (fit(images[[place]], size)[0].numpy() for place in indices[first:].tolist())

            return Wanted(f"{self.name} ({part})", key, made_of, shape, decode)

        return replace(from_arrays(images, labels), stream=stream)

    def check_test(self, folder: Path) -> tuple[str, ...]:
        """Look at the shapes and labels of a pair of arrays; of other data sets at their length alone."""
        with said_of("dataset", self.name):
            if _is_pair(self.test):
                images, labels = self.test
                _, of_image = _shaped("test", images, labels, tuple(self.images.shape[1:]))
                _check_labels("test", of_image, self.num_classes)
            elif not len(Items(self.name, "test", self.test)):
                raise InputError("test: no images")
        return ()

    def test_listing(self, folder: Path) -> Listing | None:
        """Labels of the test part where it is a pair of arrays, else how many images it has."""
        test = self.test
        if _is_pair(test):
            with said_of("dataset", self.name):
                return Listing.of_labels(tensor("test: labels", test[1]).flatten().long().tolist())
        return Listing.of_labels([-1] * len(test)) if hasattr(test, "__len__") else None

    def test_content(self, folder: Path) -> str:
        """That of the pair of arrays, else of what the test data set holds: it is asked for no item."""
        with said_of("dataset", self.name):
            if _is_pair(self.test):
                return digest_of_arrays([tensor("test", array) for array in self.test])
        return digest_of_arrays(list(arrays_of(self.test)))


def users_own(name: str, data_dir: Path | None, room: Room = USUAL) -> UsersOwn:
    """Call the user's function and decode its train data set; the test data set is not touched.

    Args:
        name: ``package.module:function``.
        data_dir: Handed on if the function has a parameter ``data_dir``.
        room: For decoded images.

    Raises:
        InputError: The function cannot be found or raises, or what it returns are no such data sets.
    """
    train, test = _called(name, data_dir)
    with said_of("dataset", name):
        images, labels, made_of = _decoded(name, "train", train, None, room)
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
        made_of=made_of,
        room=room,
    )


def _called(name: str, data_dir: Path | None) -> tuple[Any, Any]:
    result = call_function("dataset", name, {"data_dir": data_dir})
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        problem = f"the function returned {kind(result)}; expected a pair (train, test)"
        raise InputError(problem, setting="dataset", value=name)
    return result[0], result[1]


def _decoded(
    name: str, what: str, data: Any, expected: tuple[int, ...] | None, room: Room
) -> tuple[Tensor, Tensor, Callable[[], str]]:
    """uint8 images (n, channels, size, size), int64 labels (n,), n at least 1, and `UsersOwn.made_of`."""
    items = Items(name, what, data) if not _is_pair(data) else None
    if items is None:
        pixels, labels = _shaped(what, data[0], data[1], expected)
        images = to_bytes(what, pixels)
        items = Items(name, what, TensorDataset(images, labels))
    else:
        images, labels = items.decoded(expected, room)
    _check_labels(what, labels)
    return images, labels, items.made_of


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
    pixels = tensor(what, images)
    if pixels.ndim == 3:
        pixels = pixels.unsqueeze(1)
    if pixels.ndim != 4:
        raise InputError(
            f"{what}: images of shape {tuple(pixels.shape)}; "
            "expected (n, channels, size, size) or (n, size, size)"
        )
    of_image = tensor(what, labels)
    if of_image.ndim != 1 or len(of_image) != len(pixels) or len(pixels) == 0:
        raise InputError(
            f"{what}: labels of shape {tuple(of_image.shape)}; expected one for each of {len(pixels)} images"
        )
    if of_image.is_floating_point():
        raise InputError(f"{what}: labels are floats; expected whole numbers from 0")
    check_shape(what, tuple(pixels.shape[1:]), expected)
    return pixels, of_image.long()

"""Items of a ``Dataset`` of the user's, decoded one by one: into memory, or into a file."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError, one_line
from lcsearch.core.room import Room
from lcsearch.data.content import arrays_of, digest_of_arrays
from lcsearch.data.places import streamed_dir
from lcsearch.data.streamed import Pixels, Wanted, streamed
from lcsearch.data.user_values import check_shape, kind, label, tensor, to_bytes

_SAMPLE = 32
"""So many items, over all of them, tell whether a data set is the one that was decoded before."""
_LABEL_BYTES = 8


class Items:
    """The items of a data set.

    Args:
        name: The function that returned it, for messages.
        what: ``train`` or ``test``.
        data: The data set.
    """

    def __init__(self, name: str, what: str, data: Any) -> None:
        if not hasattr(data, "__getitem__") or not hasattr(data, "__len__"):
            raise InputError(
                f"{what}: {kind(data)}; "
                "expected a torch.utils.data.Dataset of (image, label), or (images, labels)"
            )
        self._name, self._what, self._data = name, what, data

    def __len__(self) -> int:
        return len(self._data)

    def one(self, index: int, expected: tuple[int, ...] | None) -> tuple[Tensor, int]:
        """An item as uint8 pixels (channels, size, size) and its label.

        Raises:
            InputError: It raises, is no such pair, or has another shape than expected.
        """
        try:
            item = self._data[index]
        except Exception as error:
            raise InputError(f"{self._what}: item {index} raised {one_line(error)}") from error
        place = f"{self._what}: image {index}"
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise InputError(f"{place}: {kind(item)}; expected a pair (image, label)")
        pixels = tensor(place, item[0])
        if pixels.ndim == 2:
            pixels = pixels.unsqueeze(0)
        check_shape(place, tuple(pixels.shape), expected)
        return to_bytes(place, pixels), label(place, item[1])

    def decoded(self, expected: tuple[int, ...] | None, room: Room) -> tuple[Tensor, Tensor]:
        """All of them, uint8 (n, channels, size, size), and their labels, int64 (n,).

        Each becomes uint8 at once, so that no float copy of the set is ever held; images that do not fit into
        memory are in a file that is mapped.
        """
        images: list[Tensor] = []
        labels: list[int] = []
        for index in range(len(self)):
            pixels, of_image = self.one(index, expected)
            expected = tuple(pixels.shape)
            if index == 0 and not room.holds(len(self) * pixels.numel()):
                return self._in_a_file(expected, streamed_dir(room))
            images.append(pixels)
            labels.append(of_image)
        if not images:
            raise InputError(f"{self._what}: no images")
        return torch.stack(images), torch.tensor(labels)

    def made_of(self) -> str:
        """A digest of some items, and of labels and sizes of files as far as the data set holds them."""
        held = digest_of_arrays([array for array in arrays_of(self._data) if array.ndim == 1])
        digest = hashlib.blake2b(held.encode(), digest_size=16)
        for index in torch.linspace(0, len(self) - 1, min(_SAMPLE, len(self))).long().tolist():
            pixels, of_image = self.one(index, None)
            digest.update(f"\0{of_image}\0".encode())
            digest.update(np.ascontiguousarray(pixels.numpy()).data)
        return digest.hexdigest()

    def _in_a_file(self, shape: tuple[int, ...], folder: Path) -> tuple[Tensor, Tensor]:
        if self.made_of() != self.made_of():
            raise InputError(
                f"{self._what}: an image is another one when it is asked for again; return images without "
                "random augmentation"
            )
        channels, height, width = shape
        wanted = Wanted(
            f"{self._name} ({self._what})",
            f"{self._name} {self._what}",
            self.made_of,
            (len(self), channels, height, width),
            lambda first: self._from(first, shape, labels),
        )
        labels = folder / f"{wanted.stem}.labels"
        [file] = streamed([wanted], folder)
        deque(self._from(len(self), shape, labels), maxlen=0)  # labels that were lost
        return file.mapped(), torch.from_numpy(np.fromfile(labels, np.int64))

    def _from(self, first: int, shape: tuple[int, ...], labels: Path) -> Iterator[Pixels]:
        """The images from the k-th on; all labels before and at each of them are in a file."""
        with labels.open("ab", buffering=0) as file:
            known = min(first, file.seek(0, os.SEEK_END) // _LABEL_BYTES)
            file.truncate(known * _LABEL_BYTES)
            for index in range(known, len(self)):
                pixels, of_image = self.one(index, shape)
                file.write(np.int64(of_image).tobytes())
                if index >= first:
                    yield pixels.numpy()

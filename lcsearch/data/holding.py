"""Parts of a data set as they are held: decoded in memory, or in files where memory is too small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from lcsearch.core.errors import InputError
from lcsearch.core.room import Room, bytes_words
from lcsearch.data.chosen import Chosen
from lcsearch.data.content import digest_of_arrays
from lcsearch.data.dataset import DataSet, Split
from lcsearch.data.places import streamed_dir
from lcsearch.data.streamed import Pixels, Wanted, streamed

_AT_ONCE = 64
_SAMPLE = 32
"""So many images, over all of them, tell whether a part that does not say it is the one of before."""


def held(data_set: DataSet, parts: Sequence[Chosen], size: int, room: Room) -> list[Split]:
    """The images of parts, all of them in memory or all of them in files.

    Args:
        data_set: Whose parts they are.
        parts: Which images.
        size: Height and width, in pixels.
        room: For them.

    Raises:
        InputError: A file is damaged; or memory is too small for them, and so is the disk.
    """
    images = sum(map(len, parts))
    if room.holds(images * data_set.in_channels * size * size):
        return [part.decoded(size) for part in parts]
    files = streamed([_wanted(data_set, part, size) for part in parts], streamed_dir(room))
    return [Split(file.mapped(), part.labels, file) for file, part in zip(files, parts, strict=True)]


def _wanted(data_set: DataSet, part: Chosen, size: int) -> Wanted:
    """What a file is to hold of a part."""
    raw, indices = part.raw, part.indices
    if raw.stream is not None:
        return raw.stream(indices, size)

    def sampled() -> str:
        places = torch.linspace(0, len(indices) - 1, min(_SAMPLE, len(indices))).long()
        return digest_of_arrays([raw.take(indices[places], size)])

    def decode(first: int) -> Iterator[Pixels]:
        for places in indices[first:].split(_AT_ONCE):
            yield from raw.take(places, size).numpy()

    key = f"{data_set.name} {size} {digest_of_arrays([indices, raw.labels])}"
    shape = (len(indices), data_set.in_channels, size, size)
    return Wanted(data_set.name, key, raw.content or sampled, shape, decode)


def check_batch(room: Room, batch_size: int, shape: tuple[int, int, int]) -> None:
    """Refuse less memory for images than one batch takes.

    Args:
        room: For images.
        batch_size: Images per step.
        shape: (channels, height, width).

    Raises:
        InputError: A batch needs more, as float32.
    """
    channels, height, width = shape
    needed = 4 * batch_size * channels * height * width
    if room.memory is not None and room.memory < needed:
        raise InputError(
            f"a batch of {batch_size} images of {height} x {width} pixels takes {bytes_words(needed)}",
            setting="data_memory",
            value=room.memory,
        )

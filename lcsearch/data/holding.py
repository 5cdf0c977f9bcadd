"""Parts of a data set as they are held: decoded in memory, or in files where memory is too small."""

from __future__ import annotations

from collections.abc import Sequence

from lcsearch.core.errors import InputError
from lcsearch.core.room import Room, bytes_words
from lcsearch.data.chosen import Chosen
from lcsearch.data.dataset import DataSet, Split
from lcsearch.data.places import streamed_dir
from lcsearch.data.split import check_memory
from lcsearch.data.streamed import streamed


def held(data_set: DataSet, parts: Sequence[Chosen], size: int, room: Room) -> list[Split]:
    """The images of parts, all of them in memory or all of them in files.

    Args:
        data_set: Whose parts they are.
        parts: Which images.
        size: Height and width, in pixels.
        room: For them.

    Raises:
        InputError: A file is damaged; memory is too small for them, and so is the disk, or the data set
            cannot be decoded bit by bit.
    """
    images = sum(map(len, parts))
    wanted = [part.raw.stream(part.indices, size) for part in parts if part.raw.stream is not None]
    if len(wanted) < len(parts):
        check_memory(data_set, images, size)
        return [part.decoded(size) for part in parts]
    if room.holds(images * data_set.in_channels * size * size):
        return [part.decoded(size) for part in parts]
    files = streamed(wanted, streamed_dir(room))
    return [Split(file.mapped(), part.labels, file) for file, part in zip(files, parts, strict=True)]


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

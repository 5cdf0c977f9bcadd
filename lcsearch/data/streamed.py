"""Decoded images that do not fit into memory: in a file, which is mapped and read as it is needed.

A file is decoded once, is appended to while that goes on, and goes on after a kill. It is a plain ``.npy``
file, beside a text that says what its images were made of: where that is something else by now, or the file
was cut short, it is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import HaltError, InputError, reason
from lcsearch.core.files import write_text
from lcsearch.core.room import bytes_words

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

_CHUNK_BYTES = 64_000_000
"""After so many the disk is waited for; what was written after the last but one of these is decoded again."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Images that a file is to hold.

    Attributes:
        name: Which they are, in words for people.
        key: Which they are: others have another file.
        made_of: A digest of what they are decoded from, as it is now.
        shape: (n, channels, size, size).
        decode: Makes them from the k-th on, each uint8 (channels, size, size); keeps none.
    """

    name: str
    key: str
    made_of: Callable[[], str]
    shape: tuple[int, int, int, int]
    decode: Callable[[int], Iterable[Pixels]]

    @property
    def bytes(self) -> int:
        """What they take."""
        return prod(self.shape)

    @property
    def stem(self) -> str:
        """The name of its files, without what tells them apart."""
        return hashlib.sha256(f"{self.key}\0{self.shape}".encode()).hexdigest()[:24]


@dataclass(frozen=True, eq=False)
class ImageFile:
    """A file that holds decoded images.

    Attributes:
        path: The file.
        wanted: What it holds.
        made_of: The digest of what its images were decoded from.
        state: Size and time of the file as it was opened.
    """

    path: Path
    wanted: Wanted
    made_of: str
    state: tuple[int, int]

    def check(self) -> None:
        """Make sure that neither the file nor what it was made of is another by now.

        Raises:
            HaltError: It is.
        """
        try:
            same = _state(self.path) == self.state and self.wanted.made_of() == self.made_of
        except (OSError, InputError) as error:
            raise HaltError(
                f"the images of {self.wanted.name} went away while they were in use: {reason(error)}"
            ) from None
        if not same:
            raise HaltError(f"the images of {self.wanted.name} have changed while they were in use")

    def digest(self, beside: str, make: Callable[[], str]) -> str:
        """A digest of the images and of what goes with them, computed once for all processes and runs.

        It lies beside the file, with the file's size and time: with others it is computed anew.

        Args:
            beside: A digest of what goes with the images.
            make: Computes it.
        """
        from filelock import FileLock

        known, state = self.path.with_suffix(".digest"), f"{self.state[0]} {self.state[1]} {beside} "
        with FileLock(self.path.parent / ".lock"):  # the first one computes, and others wait for it
            text = known.read_text() if known.exists() else ""
            if text.startswith(state):
                return text.removeprefix(state)
            made = make()
            if _state(self.path) == self.state:
                write_text(known, state + made)
        return made

    def mapped(self) -> Tensor:
        """The images, uint8 (n, channels, size, size); not to be written to."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it is read-only, and meant to be
            return torch.from_numpy(np.load(self.path, mmap_mode="r", allow_pickle=False))


def streamed(wanted: Sequence[Wanted], folder: Path) -> list[ImageFile]:
    """Files of images, decoded where that has not been done.

    Args:
        wanted: What they hold.
        folder: Where they lie.

    Raises:
        InputError: The disk has no room for all of them, or its folder is not writable; nothing was decoded.
            Or an image is damaged.
    """
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            files = [_File(folder, one) for one in wanted]
            _check_space(folder, files)
            for file in files:
                file.complete()
            return [file.opened() for file in files]
    except OSError as error:
        raise _of_folder(
            folder, f"decoded images cannot be kept there ({error.strerror or reason(error)})"
        ) from error


class _File:
    """One file while it is made."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._wanted = wanted
        self._made_of = wanted.made_of()
        self.path, self._part, self._about = (
            folder / f"{wanted.stem}{end}" for end in (".npy", ".part", ".txt")
        )
        self._image = prod(wanted.shape[1:])
        self._header = _header(wanted.shape)
        self._drop_what_does_not_fit()

    @property
    def missing(self) -> int:
        """Bytes that are still to be written."""
        return 0 if self.path.exists() else self._whole - len(self._header) - self._done * self._image

    @property
    def _whole(self) -> int:
        return len(self._header) + self._wanted.bytes

    @property
    def _done(self) -> int:
        """Images that the disk has for sure of those that were decoded before."""
        if not self._part.exists():
            return 0
        chunks = (self._part.stat().st_size - len(self._header)) // self._image // self._chunk
        return max(0, chunks - 1) * self._chunk

    @property
    def _chunk(self) -> int:
        return max(1, _CHUNK_BYTES // self._image)

    def _drop_what_does_not_fit(self) -> None:
        known = self._about.read_text() if self._about.exists() else ""
        if known and known != self._made_of:
            _say(f"the images of {self._wanted.name} have changed since: they are decoded anew")
        elif self.path.exists() and self.path.stat().st_size != self._whole:
            _say(f"{self.path} was cut short: the images of {self._wanted.name} are decoded anew")
        elif known:
            return
        for file in (self.path, self._part):
            file.unlink(missing_ok=True)
        write_text(self._about, self._made_of)

    def complete(self) -> None:
        """Decode what is missing."""
        if self.path.exists():
            return
        done, (count, _, size, _) = self._done, self._wanted.shape
        before = f"; {done:,} of them were decoded before" if done else ""
        _say(
            f"decoding {count:,} images of {self._wanted.name}, {size} x {size} pixels, into {self.path}: "
            f"{bytes_words(self._wanted.bytes)}, kept for other runs{before}"
        )
        with self._part.open("r+b" if done else "w+b") as file:
            file.write(self._header)
            file.truncate(file.seek(len(self._header) + done * self._image))
            for number, pixels in enumerate(_shown(self._wanted.decode(done), count, done), done + 1):
                file.write(np.ascontiguousarray(pixels).data)
                if number % self._chunk == 0 or number == count:
                    file.flush()
                    os.fsync(file.fileno())
        self._part.replace(self.path)

    def opened(self) -> ImageFile:
        """The finished file."""
        return ImageFile(self.path, self._wanted, self._made_of, _state(self.path))


def _check_space(folder: Path, files: Sequence[_File]) -> None:
    needed, free = sum(file.missing for file in files), shutil.disk_usage(folder).free
    if needed > free:
        raise _of_folder(
            folder, f"decoded images need {bytes_words(needed)} there, and {bytes_words(free)} are free"
        )


def _of_folder(folder: Path, problem: str) -> InputError:
    return InputError(f"{problem}; name a folder with room", setting="data_cache", value=str(folder))


def _header(shape: tuple[int, ...]) -> bytes:
    from io import BytesIO

    made = BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(made, about)
    return made.getvalue()


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _shown(images: Iterable[Pixels], count: int, done: int) -> Iterator[Pixels]:
    """The images, with a bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()))
        task = bar.add_task("decoding", total=count, completed=done)
        for image in images:
            yield image
            bar.advance(task)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

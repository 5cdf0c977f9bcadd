"""Files that are there whole or not at all: every file that others may read meanwhile is written here."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lcsearch.core.errors import InputError, is_disk_full

_PROBE_BYTES = 1 << 16


@contextmanager
def replacing(path: Path, *, durable: bool = True, setting: str | None = None) -> Iterator[Path]:
    """Give a file to write into; it takes the other's place when the block ends without an error.

    It is made at once, so that an unwritable place is found before the work. A process that is killed at any
    moment leaves the old file or the new one, and beside it at most a hidden one that ends with ``.part``.

    Args:
        path: The file; one that is there is replaced.
        durable: Wait until the disk has it, which can take 10 ms; without, it may be empty after a power cut.
        setting: The setting that it was given to, for the message; None where there is none.

    Yields:
        An empty file in the same folder.

    Raises:
        InputError: The path is a folder, or its folder is not writable.
        OSError: The disk is full; the old file stays.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        part.touch(exist_ok=False)
    except OSError as error:
        if is_disk_full(error):
            raise
        raise InputError(f"{path}: not writable: {error.strerror}", setting=setting) from None
    try:
        yield part
        if durable:
            _flush(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, durable: bool = True, setting: str | None = None) -> None:
    """Write a file as `replacing` does, with its arguments and errors."""
    with replacing(path, durable=durable, setting=setting) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str, *, durable: bool = True, setting: str | None = None) -> None:
    """Write a text as UTF-8 as `replacing` does, with its arguments and errors."""
    write_bytes(path, text.encode("utf-8"), durable=durable, setting=setting)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file into a folder that is made if need be, as `replacing` does.

    Raises:
        InputError: There is nothing to copy, or the target is not writable.
        OSError: The disk is full.
    """
    if not source.is_file():
        raise InputError(f"{source}: is missing")
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as part:
        shutil.copyfile(source, part)


def why_unwritable(folder: Path) -> str | None:
    """What keeps this process from writing into a folder, as the system says it; None where nothing does."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return None


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())

"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from lcsearch.core.errors import InputError


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write a file under a temporary name in its folder, flush it, and rename it into place.

    Args:
        path: The file.
        text: What it shall hold.
        durable: Wait until the disk has it, which can take 10 ms; without, it may be empty after a power cut.

    Raises:
        InputError: The place is not writable.
    """
    if path.is_dir():
        raise InputError(f"{path}: not writable: it is a folder")
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path}: not writable: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def copy_file(source: Path, target: Path) -> None:
    """Copy a file into a folder that is made if need be; it is there whole or not at all.

    Raises:
        InputError: There is nothing to copy.
        OSError: The disk is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, part)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
    except FileNotFoundError:
        raise InputError(f"{source}: is missing") from None
    finally:
        part.unlink(missing_ok=True)

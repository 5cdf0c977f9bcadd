"""Files that are there whole or not at all, and checkpoints that are right or not used."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

log = logging.getLogger(__name__)


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under a temporary name, flush it to the disk, then rename it.

    A process killed at any moment leaves the old file or the new one.

    Raises:
        OSError: The disk is full or the folder not writable; the old file stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of tensors and plain data.

    Raises:
        OSError: As `replace_file`.
    """
    replace_file(path, lambda file: torch.save(state, file))


def load_checkpoint(path: Path, identity: str) -> dict[str, Any] | None:
    """Read a checkpoint, executing nothing that it contains.

    Args:
        path: Where it lies.
        identity: What it must have been saved under: that of another training is not used.

    Returns:
        The state, on the CPU; None where there is no checkpoint, or a damaged or foreign one,
        which is logged.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"checksum of {damaged} is wrong")
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["identity"] != identity:
            raise ValueError("it belongs to another training")
    except Exception as error:  # a damaged file can raise anything
        log.warning("checkpoint %s is not used, training starts anew: %s", path, error)
        return None
    return state

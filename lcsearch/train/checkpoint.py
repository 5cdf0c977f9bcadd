"""Checkpoints that are right or not used."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path
from typing import Any

import torch

from lcsearch.core.errors import halting
from lcsearch.core.files import replacing

log = logging.getLogger(__name__)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of tensors and plain data.

    Raises:
        HaltError: The folder is gone or not writable.
        OSError: The disk is full; the old checkpoint stays.
    """
    with halting(), replacing(path) as part, part.open("wb") as file:
        torch.save(state, file)


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

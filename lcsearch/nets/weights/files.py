"""Reads a file of weights, whatever kind it is, without ever running code that it may hold."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lcsearch.core.errors import InputError, one_line
from lcsearch.nets.weights import pickled

_SAVE = "save its state_dict: torch.save(model.state_dict(), FILE)"


def read_file(path: Path) -> Any:
    """Read what a file holds, on the CPU.

    Returns:
        Tensors by name, from safetensors. From a pickle whatever lies in it: tensors, plain values,
        containers of them, and stand-ins for objects that hold no weights (`lcsearch.nets.weights.pickled`).

    Raises:
        InputError: There is no such file; it is damaged, a scripted model, or holds other objects.
    """
    if not path.is_file():
        raise InputError("is a folder" if path.is_dir() else "no such file")
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from None
    return _read_pickle(path) if _is_pickle(start) else _read_safetensors(path)


def _is_pickle(start: bytes) -> bool:
    """Whether a file's first nine bytes are those of a pickle, or of a zip archive around one.

    A safetensors file begins with the length of its header, which may be any eight bytes, and then the
    header's brace; the ninth byte of what PyTorch writes is none.
    """
    return start[8:] != b"{" and (start[:2] == b"PK" or (start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5"))


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise InputError(
            f"is neither a safetensors file nor a saved state_dict, or is damaged ({one_line(error)})"
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from None


def _read_pickle(path: Path) -> Any:
    _check_archive(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(pickled.stand_ins()):
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # it reads, or is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        named = f" ({found[1]})" if found else ""
        raise InputError(
            f"holds more than tensors and plain values{named}, such as a whole model, and reading it could "
            f"run code; where you trust it, {_SAVE}"
        ) from None
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"is damaged ({one_line(error)})") from None


def _check_archive(path: Path) -> None:
    """Refuse zip archives that ``torch.save`` did not write; a damaged one is left to who reads it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return
    if any(name.endswith("/constants.pkl") for name in names):
        raise InputError(
            "is a scripted model, which is code; where you trust it, save its state_dict: "
            "torch.save(torch.jit.load(FILE).state_dict(), OTHER_FILE)"
        )
    if not any(name.endswith("/data.pkl") for name in names):
        raise InputError(f"is an archive of something else than weights; {_SAVE}")

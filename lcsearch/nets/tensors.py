"""Reading a safetensors file, with the user's mistakes as one line."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from lcsearch.core.errors import InputError


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read every tensor, and the texts that lie beside them.

    Returns:
        Tensors by name, on the CPU, and the metadata.

    Raises:
        InputError: It is not there, not readable, or no safetensors file.
    """
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: is no safetensors file, or is damaged ({reason})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None

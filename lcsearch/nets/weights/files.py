"""Reads a file of weights: values by name, whatever kind of file it is."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lcsearch.core.errors import InputError, one_line

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
_PREFIXES = ("module.", "_orig_mod.")


def read_file(path: Path) -> dict[str, Any]:
    """Values by name, whatever kind of file it is."""
    if not path.is_file():
        raise InputError("is a folder" if path.is_dir() else "no such file")
    with path.open("rb") as file:
        start = file.read(2)
    if start not in (b"PK", *(bytes([0x80, protocol]) for protocol in range(2, 6))):
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            "holds more than tensors, such as a whole model, and reading it could run code; where "
            "you trust it, save its state_dict: torch.save(model.state_dict(), FILE)"
        ) from None
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"is damaged ({one_line(error)})") from None
    for name in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict):
        raise InputError(f"holds a {type(content).__name__}; it must be a state_dict")
    return _without_prefix({str(name): value for name, value in content.items()})


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise InputError(
            f"is neither a safetensors file nor a saved state_dict, or is damaged ({one_line(error)})"
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from None


def _without_prefix(state: dict[str, Any]) -> dict[str, Any]:
    for prefix in _PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state

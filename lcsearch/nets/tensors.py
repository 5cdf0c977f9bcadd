"""From a model to a safetensors file and back, with the user's mistakes as one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.files import write_bytes
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.models import family_layers
from lcsearch.nets.surgery import build_model


def write_state(state: Mapping[str, Tensor], path: Path) -> None:
    """Write a state as safetensors, whole or not at all; a shared tensor is written under each name.

    Raises:
        InputError: The folder is not writable.
        OSError: The disk is full.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    write_bytes(path, save(tensors))


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


def restore(model: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Give a model the weights of a state.

    Args:
        model: The model; changed only where everything fits.
        state: By the names of ``state_dict``; of shared tensors one name is enough.
        name: The file's name, for messages.

    Raises:
        InputError: The state is that of another model.
    """
    full = model.state_dict(keep_vars=True)
    first = {id(tensor): key for key, tensor in reversed(full.items())}
    given, implied = dict(state), implied_tensors(model)
    for key, tensor in full.items():
        if key not in given and first[id(tensor)] in given:
            given[key] = given[first[id(tensor)]]
        elif key not in given and key in implied:
            given[key] = implied[key]
    problem = _misfit(full, given)
    if problem is not None:
        raise InputError(f"{name}: holds the weights of another model: {problem}")
    model.load_state_dict(given)


def trained_model(spec: ModelSpec, weights: Path) -> nn.Module:
    """Build a model, give it the weights of a trial's folder, and set it to evaluation mode.

    Raises:
        InputError: The file does not read, or holds the weights of another model.
    """
    model = build_model(spec)
    restore(model, read_tensors(weights)[0], str(weights))
    return model.eval().requires_grad_(False)


def implied_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Buffers, by names of ``state_dict``, that a file need not hold while they have these values."""
    return {
        f"{name}.{key}" if name else key: tensor
        for name, layer in family_layers(model).items()
        for key, tensor in layer.implied().items()
    }


def _misfit(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str | None:
    for key, tensor in own.items():
        if key not in given:
            return f"it has no {key!r}, which this one needs"
        if given[key].shape != tensor.shape:
            return f"its {key!r} has shape {tuple(given[key].shape)}, this one's {tuple(tensor.shape)}"
    extra = next((key for key in given if key not in own), None)
    return None if extra is None else f"this one has no {extra!r}"

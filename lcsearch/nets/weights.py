"""Trained weights from where users have them: a file, torchvision, or a run's start folder.

Nothing that a file contains is ever executed: safetensors holds none, and a pickle is read with
``weights_only``, which refuses all but tensors and plain containers.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lcsearch.core.errors import InputError, Named, one_line, said_of
from lcsearch.core.job import BACKBONE
from lcsearch.core.spec import ModelSpec
from lcsearch.nets import surgery

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
_PREFIXES = ("module.", "_orig_mod.")
_SHOWN = 3


def read_weights(path: Path, model: nn.Module, *, new_head: bool = False) -> dict[str, Tensor]:
    """Read the weights of a plain model from a safetensors file, or a pickled state_dict.

    A state_dict may lie under a usual key of a checkpoint, such as ``state_dict``, and its names may have
    the prefix of a data-parallel or compiled model.

    Args:
        path: The file.
        model: What they are for; not on the meta device where ``new_head``. It is left as it is.
        new_head: Take the last layer from the model instead: its classes are others.

    Returns:
        A state_dict that the model loads, in its dtypes, on the CPU.

    Raises:
        InputError: There is no such file; it is damaged or holds code; it does not fit the model (which
            tensors, expected and found shapes); it has NaN or infinity, or another number of classes.
    """
    with said_of("init", str(path)):
        return _fitting(_read(path), model, new_head=new_head)


def pretrained_weights(backbone: str, model: nn.Module, *, new_head: bool = False) -> dict[str, Tensor]:
    """Return torchvision's weights for one of its nets; downloaded once, then kept by PyTorch.

    Args:
        backbone: ``torchvision:NAME``.
        model: As in ``read_weights``.
        new_head: As in ``read_weights``.

    Raises:
        InputError: The net is not torchvision's, has no weights or others than for 3 channels, or they
            cannot be downloaded.
    """
    with said_of("init", "pretrained"):
        state = _pretrained(backbone, model)
        return _fitting(state, model, new_head=new_head)


def _pretrained(backbone: str, model: nn.Module) -> dict[str, Tensor]:
    prefix, _, name = backbone.partition(":")
    if prefix != "torchvision":
        raise InputError(f"there are weights for torchvision:NAME only, not for {backbone}")
    import torchvision

    try:
        found = torchvision.models.get_model_weights(name)
    except ValueError:
        raise InputError(f"torchvision has no net {name!r}") from None
    first = next(iter(surgery.conv_layers(model).values()), None)
    if first is not None and first.in_channels != 3:
        raise InputError(f"{backbone} is trained on 3 channels; the images have {first.in_channels}")
    try:
        state = found.DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (OSError, AttributeError, RuntimeError) as error:
        raise InputError(f"the weights of {backbone} cannot be had: {one_line(error)}") from None
    auxiliary = ("AuxLogits.", "aux1.", "aux2.")
    return {key: value for key, value in state.items() if not key.startswith(auxiliary)}


def load_backbone(template: ModelSpec, folder: Path) -> nn.Module:
    """Return the plain backbone of a start folder, on the CPU, in evaluation mode.

    Args:
        template: Its name and sizes; layers are not looked at.
        folder: Holds ``BACKBONE``.

    Raises:
        InputError: The file is missing, damaged or of another model.
    """
    return _load(replace(template, layers={}), folder / BACKBONE)


def load_parent(model: ModelSpec, weights: Path) -> nn.Module:
    """Return a trained model of a run as the plain net that computes the same, on the CPU, for evaluation.

    Args:
        model: What was trained.
        weights: Its weights.

    Raises:
        InputError: The file is missing, damaged or of another model.
    """
    return surgery.fold(_load(model, weights))


def _load(spec: ModelSpec, path: Path) -> nn.Module:
    with torch.random.fork_rng(devices=()):
        model = surgery.build_model(spec)
    model.load_state_dict(read_own(path, model))
    return model.eval()


def read_own(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """Read weights that lcsearch wrote for a model; as ``read_weights``, but messages name the file alone."""
    try:
        return _fitting(_read(path), model)
    except InputError as error:
        raise InputError(f"{path}: ", *error.parts) from error.__cause__


def _fitting(found: Mapping[str, Any], model: nn.Module, *, new_head: bool = False) -> dict[str, Tensor]:
    """Check weights against a model; see ``read_weights``."""
    expected: dict[str, Tensor] = model.state_dict()
    state = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    if other := found.keys() - state.keys():
        raise InputError(f"holds {_names(sorted(map(str, other)))}, which are no tensors")
    head = _head(model)
    if new_head and head is not None:
        state |= {name: value for name, value in expected.items() if _belongs(name, head)}
    _fill(state, expected)
    _check_names(list(expected), list(state))
    _check_shapes(expected, state, head)
    bad = [name for name, value in state.items() if not bool(value.isfinite().all())]
    if bad:
        raise InputError(f"NaN or infinity in {_names(bad)}")
    return {name: state[name].detach().to("cpu", value.dtype).clone() for name, value in expected.items()}


def _read(path: Path) -> dict[str, Any]:
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


def _fill(state: dict[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Add what a sound file may lack: second names of shared tensors, and the counters of batch norm."""
    known = {
        (value.data_ptr(), value.shape): state[name] for name, value in expected.items() if name in state
    }
    for name, value in expected.items():
        if name.rpartition(".")[2] == "num_batches_tracked":
            state.setdefault(name, value)
        elif (
            name not in state
            and value.numel()
            and (value.data_ptr(), value.shape) in known
            and not value.is_meta
        ):
            state[name] = known[value.data_ptr(), value.shape]


def _check_names(expected: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in expected if name not in set(found)]
    unexpected = [name for name in found if name not in set(expected)]
    if missing or unexpected:
        said = [f"lacks {_names(missing)}"] if missing else []
        said += [f"has {_names(unexpected)}, which the backbone has not"] if unexpected else []
        raise InputError(f"does not fit the backbone: {' and '.join(said)}")


def _check_shapes(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], head: str | None) -> None:
    wrong = [name for name, value in expected.items() if value.shape != found[name].shape]
    if not wrong:
        return
    own = [name for name in wrong if head is not None and _belongs(name, head)]
    if own == wrong and all(expected[name].shape[1:] == found[name].shape[1:] for name in wrong):
        classes, wanted = found[wrong[0]].shape[0], expected[wrong[0]].shape[0]
        raise InputError(
            f"is for {classes} classes, the data set has {wanted}; ",
            Named("new_head", True),
            f" makes the last layer ({head}) new",
        )
    shapes = [
        f"{name}: expected {list(expected[name].shape)}, found {list(found[name].shape)}" for name in wrong
    ]
    raise InputError(f"does not fit the backbone: {_names(shapes, '; ')}")


def _head(model: nn.Module) -> str | None:
    """The last layer that has a matrix of weights."""
    heads = [
        name for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d) and name
    ]
    return heads[-1] if heads else None


def _belongs(name: str, module: str) -> bool:
    return name.startswith(f"{module}.")


def _names(names: Sequence[str], between: str = ", ") -> str:
    more = len(names) - _SHOWN
    return between.join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

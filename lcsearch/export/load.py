"""For the user's own code: load what was exported, and apply a config to a model."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lcsearch.core.config import Config, parse_config, read_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.core.yaml import parse_yaml
from lcsearch.export.packed import unpack
from lcsearch.nets import surgery
from lcsearch.nets.channels import find_groups, image_of, verified
from lcsearch.nets.copying import copied_to
from lcsearch.nets.tensors import read_tensors, restore

VERSION = "1"
"""Of the layout of a weights file."""

_CONFIGS = (".yaml", ".yml")


def load_model(path: str | Path) -> nn.Module:
    """Build the model of an exported file, on the current default device.

    Args:
        path: Weights (``.safetensors``) or a config (``.yaml``), written by ``lcsearch export``.

    Returns:
        From weights the trained model, in evaluation mode; from a config the model with fresh weights, in
        training mode. It maps normalised images (b, c, h, w) to scores (b, classes).

    Raises:
        InputError: The file is missing, damaged, of another kind, or does not fit its backbone.
    """
    file = Path(path)
    if file.suffix.lower() in _CONFIGS:
        return _build(read_config(file).spec.model, file)
    config, state = read_state(file)
    model = _build(config.spec.model, file)
    restore(model, state, str(file))
    return model.eval()


def convert(model: nn.Module, path: str | Path, *, trained: bool = False) -> nn.Module:
    """Apply an exported file to a model of the user's own: its convolutions are replaced in place, by name.

    Args:
        model: Any module that has convolutions of the names in the file.
        path: A config: the replaced layers get fresh weights, all else stays. Or weights: the model then gets
            these, all of them.
        trained: Keep the model's trained weights: each layer becomes the closest one to its convolution.

    Returns:
        The same module (its replacement, where the model itself is one convolution).

    Raises:
        InputError: The file is missing, damaged or of another kind, or is for another model.
    """
    file = Path(path)
    if file.suffix.lower() in _CONFIGS:
        return _apply(model, read_config(file).spec.model, file, trained)
    if trained:
        raise InputError(f"trained=True: {file} brings its own weights; give a config, or leave it out")
    config, state = read_state(file)
    with torch.no_grad():
        converted = _apply(model, config.spec.model, file, trained=False)
        restore(converted, state, str(file))
    return converted


def read_state(path: Path) -> tuple[Config, dict[str, Tensor]]:
    """Read a weights file.

    Returns:
        The config inside, and the weights by the names of ``state_dict``.

    Raises:
        InputError: It is no such file, from a newer version, or damaged.
    """
    tensors, texts = read_tensors(path)
    if "lcsearch" not in texts:
        raise InputError(f"{path}: holds no lcsearch spec; 'lcsearch export' writes files of weights that do")
    if texts["lcsearch"] != VERSION:
        raise InputError(
            f"{path}: version {texts['lcsearch']!r} is not {VERSION!r}, which this lcsearch reads"
        )
    for key in ("config", "table"):
        if key not in texts:
            raise InputError(f"{path}: is damaged: it has no {key}")
    config = parse_config(parse_yaml(texts["config"], str(path)), str(path))
    return config, unpack(tensors, texts["table"], str(path))


def _apply(model: nn.Module, spec: ModelSpec, file: Path, trained: bool) -> nn.Module:
    change = surgery.compress if trained else surgery.convert
    try:
        if spec.channels:
            _thin(model, spec, trained)
        return change(model, spec.layers)
    except InputError as error:
        raise InputError(f"{file}: is for {spec.backbone!r}, not for this model: {error}") from None


def _thin(model: nn.Module, spec: ModelSpec, trained: bool) -> None:
    """Take channels out of a model, in place, once it is known that all of the spec fits it."""
    if trained:
        raise InputError("channels: a trained model of your own cannot be thinned; leave trained=True out")
    image = image_of(spec)
    groups = verified(model, find_groups(model, image), image)
    tried = surgery.thinned(copied_to(model, torch.device("meta")), spec, groups)
    surgery.convert(tried, spec.layers)
    surgery.thinned(model, spec, groups)


def _build(spec: ModelSpec, file: Path) -> nn.Module:
    try:
        return surgery.build_model(spec)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None

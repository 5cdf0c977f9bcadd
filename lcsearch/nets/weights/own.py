"""Weights that lcsearch wrote itself, and the models that they are of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.job import BACKBONE
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.models import family_layers
from lcsearch.nets import surgery
from lcsearch.nets.biases import into_batch_norms
from lcsearch.nets.weights.choosing import take
from lcsearch.nets.weights.files import read_file
from lcsearch.nets.weights.matching import fitting


def load_backbone(template: ModelSpec, folder: Path) -> nn.Module:
    """Return the plain backbone of a start folder, on the CPU, in evaluation mode.

    Args:
        template: Its name and sizes; layers and channels are not looked at.
        folder: Holds ``BACKBONE``.

    Raises:
        InputError: The file is missing, damaged or of another model.
    """
    return _load(replace(template, layers={}, channels={}, image_size=None), folder / BACKBONE)


def load_parent(model: ModelSpec, weights: Path) -> nn.Module:
    """Return a trained model of a run as the plain net that computes the same, on the CPU, for evaluation.

    Its tensors have the names of the backbone's: a bias that a folded convolution has and the backbone's has
    not goes into the batch norm behind it.

    Args:
        model: What was trained.
        weights: Its weights.

    Raises:
        InputError: The file is missing, damaged or of another model.
    """
    trained = _load(model, weights)
    without = [name for name, layer in family_layers(trained).items() if not layer.shape.bias]
    return into_batch_norms(surgery.fold(trained), without)


def _load(spec: ModelSpec, path: Path) -> nn.Module:
    with torch.random.fork_rng(devices=()):
        model = surgery.build_model(spec)
    model.load_state_dict(read_own(path, model))
    return model.eval()


def read_own(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """Read weights that lcsearch wrote for a model; as ``read_weights``, but messages name the file alone."""
    try:
        return fitting(take(read_file(path), model.state_dict()), model)
    except InputError as error:
        raise InputError(f"{path}: ", *error.parts) from error.__cause__

"""Weights that a user gives: a file, or torchvision's published ones."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from lcsearch.core.errors import said_of
from lcsearch.nets.weights.files import read_file
from lcsearch.nets.weights.matching import fitting
from lcsearch.nets.weights.pretrained import published


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
        return fitting(read_file(path), model, new_head=new_head)


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
        state = published(backbone, model)
        return fitting(state, model, new_head=new_head)

"""Weights that a user gives: a file, or torchvision's or timm's published ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from lcsearch.core.errors import said_of
from lcsearch.core.normalisation import Normalisation
from lcsearch.nets.backbones import pretrained_form
from lcsearch.nets.standardised import ordinary_state
from lcsearch.nets.weights.choosing import Taken, take
from lcsearch.nets.weights.files import read_file
from lcsearch.nets.weights.matching import fitting
from lcsearch.nets.weights.pretrained import (
    published,
    published_normalisation,
    published_size,
    said_of_published,
)


@dataclass(frozen=True, slots=True, eq=False)
class GivenWeights:
    """Weights that fit a model.

    Attributes:
        state: A state_dict that the model loads, in its dtypes, on the CPU.
        said: What of a file was taken and what was left out, in a line that begins with the file's name;
            empty where the file holds this state and nothing else. Of torchvision's, what comes with them.
    """

    state: dict[str, Tensor]
    said: str = ""


def read_weights(
    path: Path, model: nn.Module, *, new_head: bool = False, shape: tuple[int, int, int] | None = None
) -> GivenWeights:
    """Read the weights of a plain model from a safetensors file, or from a pickled state_dict or checkpoint.

    The state_dict may lie under any key of a checkpoint, and its names may have a prefix, such as that of a
    data-parallel, compiled or averaged model; other things may lie beside it.

    Args:
        path: The file.
        model: What they are for; not on the meta device where ``new_head``. It is left as it is.
        new_head: Take the layer that gives the logits from the model instead: its classes are others.
        shape: Channels, height and width of an image, by which that layer is found; None for the last one.

    Raises:
        InputError: There is no such file; it is damaged or holds code; it does not fit the model (which
            tensors, expected and found shapes); it has NaN or infinity, or another number of classes.
    """
    with said_of("init", str(path)):
        taken = take(read_file(path), model.state_dict())
        taken = replace(taken, tensors=ordinary_state(taken.tensors, model))
        state = fitting(taken, model, new_head=new_head, shape=shape)
    return GivenWeights(state, f"{path.name}: {taken.said}" if taken.said else "")


def for_pretrained(backbone: str) -> tuple[str, Normalisation]:
    """What goes with torchvision's or timm's weights for one of their nets.

    Returns:
        The name of the net that they are for (`lcsearch.nets.backbones.pretrained_form`), and how images are
        normalised for it.

    Raises:
        InputError: The net is neither torchvision's nor timm's, or has no weights.
    """
    with said_of("init", "pretrained"):
        return pretrained_form(backbone), published_normalisation(backbone)


def pretrained_size(backbone: str) -> int | None:
    """Height and width of the images that published weights are for, in pixels; None where any will do.

    Raises:
        InputError: As in `for_pretrained`.
    """
    with said_of("init", "pretrained"):
        return published_size(backbone)


def pretrained_weights(
    backbone: str, model: nn.Module, *, new_head: bool = False, shape: tuple[int, int, int] | None = None
) -> GivenWeights:
    """Return torchvision's or timm's weights for one of their nets; downloaded once, then kept.

    Args:
        backbone: ``torchvision:NAME`` or ``timm:NAME``, as `for_pretrained` names it.
        model: As in ``read_weights``.
        new_head: As in ``read_weights``.
        shape: As in ``read_weights``.

    Raises:
        InputError: The net is neither torchvision's nor timm's, has no weights or others than for 3 channels,
            or they cannot be downloaded.
    """
    with said_of("init", "pretrained"):
        state = ordinary_state(published(backbone, model), model)
        state = fitting(Taken(state, ""), model, new_head=new_head, shape=shape)
        return GivenWeights(state, said_of_published(backbone))

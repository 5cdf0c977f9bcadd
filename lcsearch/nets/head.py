"""The head of a net: the layer that gives its logits, found by running it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.seeds import generators_kept
from lcsearch.core.text import kind_of
from lcsearch.nets.copying import copied
from lcsearch.nets.scores import scores_in


def head_of(model: nn.Module, shape: tuple[int, int, int] | None) -> str | None:
    """The name of the layer whose output is the logits.

    Where something else comes last, such as a scale or a mean over places, it is the last layer called that
    has as many outputs as there are logits; where the net does not run, the last one registered.

    Args:
        model: With values, on the CPU; it is left as it is.
        shape: Channels, height and width of the images; None where it is not known, and nothing is run.

    Returns:
        None for a net without a layer that has a matrix of weights.
    """
    registered = [name for name, module in model.named_modules() if name and _has_matrix(module)]
    called, scores = ([], None) if shape is None else _run(copied(model).eval(), shape)
    if scores is None:
        return registered[-1] if registered else None
    gives = [name for name, output in called if _same_memory(output, scores)]
    as_many = [name for name, output in called if _outputs(output) == scores.shape[1]]
    found = gives or as_many or registered
    return found[-1] if found else None


def outputs_of(model: nn.Module, shape: tuple[int, int, int]) -> int | None:
    """How many logits a net gives for an image; None where it gives none, or does not run.

    Args:
        model: As in `head_of`.
        shape: Channels, height and width of the images.
    """
    scores = _run(copied(model).eval(), shape)[1]
    return None if scores is None else scores.shape[1]


def give_outputs(model: nn.Module, name: str, count: int) -> None:
    """Make a layer new, in place, with another number of outputs; one that has that number stays.

    Args:
        model: Any module, on any device.
        name: A linear layer or a convolution of it, in one group.
        count: Outputs.

    Raises:
        InputError: It is another kind of layer, or has no weight of its own.
    """
    layer = dict(model.named_modules(remove_duplicate=False)).get(name)
    if not isinstance(layer, nn.Linear | nn.Conv2d) or layer._parameters.get("weight") is None:
        kind = "no layer of the net" if layer is None else kind_of(layer)
        raise InputError(
            f"the layer that gives the logits, {name!r}, cannot be made new: it is {kind}, and must be a "
            "linear layer or a convolution with a weight of its own",
            setting="backbone",
        )
    if len(layer.weight) == count:
        return
    for key, parameter in list(layer.named_parameters(recurse=False)):
        new = parameter.new_empty(count, *parameter.shape[1:])
        setattr(layer, key, nn.Parameter(new, parameter.requires_grad))
    layer.reset_parameters()
    setattr(layer, "out_features" if isinstance(layer, nn.Linear) else "out_channels", count)


def _run(model: nn.Module, shape: tuple[int, int, int]) -> tuple[list[tuple[str, Tensor]], Tensor | None]:
    """What layers answered, in the order of their calls, and the logits; None where there are none."""
    called: list[tuple[str, Tensor]] = []

    def keep(name: str, output: Any) -> None:
        if isinstance(output, Tensor):
            called.append((name, output))

    for name, module in model.named_modules():
        if name and _has_matrix(module):
            module.register_forward_hook(lambda module, inputs, output, name=name: keep(name, output))
    try:
        with torch.no_grad(), generators_kept():
            scores, _ = scores_in(model(torch.randn(2, *shape)))
    except Exception:  # what a net does wrong is said where it is tried
        return [], None
    return called, scores if isinstance(scores, Tensor) and scores.dim() == 2 else None


def _has_matrix(module: nn.Module) -> bool:
    weight = dict(module.named_parameters(recurse=False)).get("weight")
    return isinstance(module, nn.Linear | nn.Conv2d) or (weight is not None and weight.dim() >= 2)


def _same_memory(output: Tensor, scores: Tensor) -> bool:
    return output.untyped_storage().data_ptr() == scores.untyped_storage().data_ptr()


def _outputs(output: Tensor) -> int:
    """Channels of feature maps, or features of anything else."""
    return output.shape[1] if output.dim() == 4 else output.shape[-1]

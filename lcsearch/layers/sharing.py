"""Modules that share their tensors."""

from __future__ import annotations

from torch import nn


def share(own: nn.Module, lead: nn.Module, *, bias: bool) -> bool:
    """Make a module hold the tensors of another one, where the two have tensors of the same names and shapes.

    Args:
        own: Gives up its own parameters and buffers.
        lead: Whose it gets.
        bias: Whether it also gets what is called ``bias``, which otherwise is not looked at.

    Returns:
        Whether it does; otherwise nothing has changed.
    """
    if _shapes(own, bias) != _shapes(lead, bias):
        return False
    for place, module in lead.named_modules():
        twin = own.get_submodule(place)
        for name, parameter in module.named_parameters(recurse=False):
            if bias or name != "bias":
                setattr(twin, name, parameter)
    share_buffers(own, lead)
    return True


def share_buffers(own: nn.Module, lead: nn.Module) -> None:
    """Make a module hold the buffers of another one, which has the same."""
    for place, module in lead.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(own.get_submodule(place), name, buffer)


def _shapes(module: nn.Module, bias: bool) -> dict[str, object]:
    """Shapes of tensors by name."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {
        name: tensor.shape for name, tensor in tensors.items() if bias or name.rpartition(".")[2] != "bias"
    }

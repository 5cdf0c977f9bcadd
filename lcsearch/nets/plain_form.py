"""A net as it can be looked into and trained: taken out of what wraps it, and in float32."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from lcsearch.core.errors import InputError
from lcsearch.core.torch_private import uncompiled

_WRAPPERS = (DataParallel, DistributedDataParallel, AveragedModel)


def unwrapped(model: nn.Module) -> nn.Module:
    """A net without compilation, and without modules that only run another one; in place below the top.

    Raises:
        InputError: It is scripted or traced: nothing in it can be replaced.
    """
    model = _inside(model)
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError(
            "the net is scripted or traced by torch.jit, so that none of its layers can be replaced; return "
            "the torch.nn.Module that it was made from"
        )
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            inner = _inside(child)
            if inner is not child:
                setattr(module, name, inner)
    return model


def _inside(module: nn.Module) -> nn.Module:
    """What a module runs, where that is all it does."""
    inner = uncompiled(module)
    if isinstance(inner, _WRAPPERS):
        inner = inner.module
    return inner if inner is module else _inside(inner)


def in_float32(model: nn.Module) -> tuple[torch.dtype, ...]:
    """Bring a net to float32, in place; parameters that two modules share stay one.

    Returns:
        The other types that its parameters had; where there are none it is left as it is.
    """
    kinds = {parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()}
    others = tuple(sorted(kinds - {torch.float32}, key=str))
    if others:
        model.float()
    return others

"""What training, counting and files ask of all layers of a model, whatever their families."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.core.spec import LayerSpec, Reduction
from lcsearch.layers.bank_norm import InnerNorm
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.lookup import family


def family_layers(model: nn.Module) -> dict[str, FamilyLayer]:
    """The layers of a model that took the place of convolutions, by module name, in module order."""
    return {name: module for name, module in model.named_modules() if isinstance(module, FamilyLayer)}


def _leads(model: nn.Module) -> list[FamilyLayer]:
    """The layers that have tensors of their own."""
    return [layer for layer in family_layers(model).values() if layer.lead is None]


def spec_of(module: nn.Module) -> LayerSpec:
    """The spec that a layer was made with; that of a plain convolution for any other module."""
    if isinstance(module, FamilyLayer):
        made: LayerSpec = family(module.family).spec_of(module)
        return made
    return ConvSpec()


def regularization(model: nn.Module, reduction: Reduction = "mean") -> Tensor:
    """Return what the regularizer weight multiplies: a sum over the layers' families; 0 where there is none.

    Args:
        model: Any module.
        reduction: ``mean`` over pairs of filters, or ``sum`` as published.
    """
    kinds: dict[str, list[FamilyLayer]] = {}
    for layer in _leads(model):
        kinds.setdefault(layer.family, []).append(layer)
    losses = [family(name).regularization(layers, reduction) for name, layers in kinds.items()]
    total: Tensor | None = None
    for loss in losses:
        if loss is not None:
            total = loss if total is None else total + loss
    return torch.zeros(()) if total is None else total


def inner_norms(model: nn.Module) -> list[tuple[FamilyLayer, InnerNorm]]:
    """Return layers with a batch norm inside, and that one, which some may share."""
    found = ((layer, layer.inner_norm()) for layer in family_layers(model).values())
    return [(layer, inner) for layer, inner in found if inner is not None]


def undecayed(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of layers that weight decay leaves alone."""
    return [parameter for layer in _leads(model) for parameter in layer.undecayed()]


def faster(model: nn.Module) -> dict[nn.Parameter, float]:
    """Parameters of layers that get a multiple of the learning rate, and which."""
    found = [layer.faster() for layer in _leads(model)]
    return {parameter: rate for rate, parameters in found for parameter in parameters}


def prunable(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of layers that are pruned during training."""
    return [parameter for layer in _leads(model) for parameter in layer.prunable()]

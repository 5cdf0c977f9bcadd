"""Replace convolutions of any module by LinearConv layers, and fold them back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TypeGuard

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils import parametrize

from lcsearch import layers
from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers.arithmetic import ConvShape, canonical, resolve_rank, split
from lcsearch.nets import backbones

__all__ = ["build_model", "compress", "conv_layers", "convert", "factorize", "fold", "shape_of", "uniform"]

_Replacement = Callable[[nn.Conv2d, LayerSpec], nn.Module]


def conv_layers(model: nn.Module) -> dict[str, nn.Conv2d]:
    """The convolutions that can be replaced, by module name, in module order.

    A module that is shared under two names appears once, under the first. Left out: LinearConv layers, and
    convolutions that are more than ``nn.Conv2d`` (own forward, parametrized weight, not yet given a shape).
    """
    return {name: module for name, module in model.named_modules() if _is_plain(module)}


def shape_of(conv: nn.Conv2d) -> ConvShape:
    """What decides the size of a convolution."""
    height, width = conv.kernel_size
    return ConvShape(conv.in_channels, conv.out_channels, (height, width), conv.groups, conv.bias is not None)


def uniform(
    model: nn.Module,
    alpha: float,
    *,
    rank: int | None = None,
    rank_ratio: float | None = None,
    sparsity: float | None = None,
) -> dict[str, LayerSpec]:
    """The same choice for every convolution.

    Args:
        model: Any module.
        alpha: Primary filters / all filters, in (0, 1].
        rank: Coefficient rank; a layer with fewer primary or secondary filters takes its largest instead.
        rank_ratio: Rank / primary filters, in (0, 1]; at most one of rank, rank_ratio and sparsity.
        sparsity: Share of coefficients that is zero, in [0, 1).

    Returns:
        Module name to spec, for ``convert``.
    """
    chosen = {}
    for name, conv in conv_layers(model).items():
        primary, secondary = split(conv.out_channels, alpha)
        if secondary == 0:
            chosen[name] = LayerSpec("linear", alpha)
            continue
        low_rank = rank is not None or rank_ratio is not None
        own_rank = resolve_rank(primary, secondary, rank, rank_ratio) if low_rank else None
        chosen[name] = LayerSpec("linear", alpha, own_rank, sparsity)
    return chosen


def convert(model: nn.Module, layers: Mapping[str, LayerSpec], *, keep_hopeless: bool = False) -> nn.Module:
    """Replace convolutions by fresh layers, in place.

    A fresh layer's filters and bias start on the scale of the convolution that it replaces, because a net
    without batch norm trains only from the start that its author gave it.

    Args:
        model: Any module, of any nesting, on any device.
        layers: Module name to what becomes of it; a convolution that is not named stays.
        keep_hopeless: Also build layers that save no parameters, instead of leaving them plain.

    Returns:
        The same module (its replacement, where the model itself is one convolution).

    Raises:
        InputError: A name is no convolution of the model, or a spec does not fit its convolution.
    """
    return _replace_all(model, layers, _fresh, keep_hopeless)


def compress(model: nn.Module, layers: Mapping[str, LayerSpec], *, keep_hopeless: bool = False) -> nn.Module:
    """Replace trained convolutions by the closest layers, in place: ``convert``, but the weights are kept.

    Args:
        model: Any module with trained weights.
        layers: As for ``convert``.
        keep_hopeless: As for ``convert``.

    Raises:
        InputError: As for ``convert``.
    """
    return _replace_all(model, layers, _closest, keep_hopeless)


def build_model(spec: ModelSpec, *, keep_hopeless: bool = False) -> nn.Module:
    """Build a backbone and convert it, on the default device (the meta device costs next to nothing).

    Raises:
        InputError: The backbone cannot be built, or the layers do not fit it.
    """
    model = backbones.build(
        spec.backbone, num_classes=spec.num_classes, in_channels=spec.in_channels, width=spec.width
    )
    return convert(model, spec.layers, keep_hopeless=keep_hopeless)


def fold(model: nn.Module) -> nn.Module:
    """A copy in which every LinearConv layer is the equal ``nn.Conv2d``."""
    return _unmake(model, layers.LinearConv2d.to_conv)


def factorize(model: nn.Module) -> nn.Module:
    """A copy in which every LinearConv layer is an equal module of standard layers, in its cheaper form."""
    return _unmake(model, layers.LinearConv2d.factorize)


def _unmake(model: nn.Module, make: Callable[[layers.LinearConv2d], nn.Module]) -> nn.Module:
    made = copy.deepcopy(model)
    for module in list(made.modules()):
        if isinstance(module, layers.LinearConv2d):
            made = _put(made, module, make(module).train(module.training))
    return made


def _is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    return (
        isinstance(module, nn.Conv2d)
        and not isinstance(module, layers.LinearConv2d | LazyModuleMixin)
        and type(module).forward is nn.Conv2d.forward
        and type(module)._conv_forward is nn.Conv2d._conv_forward
        and not parametrize.is_parametrized(module)
    )


def _replace_all(
    model: nn.Module, specs: Mapping[str, LayerSpec], make: _Replacement, keep_hopeless: bool
) -> nn.Module:
    named = dict(model.named_modules(remove_duplicate=False))
    known = conv_layers(model)
    chosen: dict[nn.Conv2d, tuple[str, LayerSpec]] = {}
    for name, spec in specs.items():
        conv = named.get(name)
        if conv is None or not _is_plain(conv):
            raise InputError(f"layers: {_not_a_conv(name, conv)}; {did_you_mean(name, known)}")
        if conv in chosen and chosen[conv][1] != spec:
            raise InputError(
                f"layers: {chosen[conv][0]!r} and {name!r} are one module, but their specs differ"
            )
        chosen[conv] = name, spec
    for conv, (name, spec) in chosen.items():
        new = _replacement(name, conv, spec, make, keep_hopeless)
        if new is not None:
            model = _put(model, conv, new.train(conv.training))
    return model


def _replacement(
    name: str, conv: nn.Conv2d, spec: LayerSpec, make: _Replacement, keep_hopeless: bool
) -> nn.Module | None:
    """The layer in place of a convolution; None where it stays plain."""
    if spec.family == "conv":
        return None
    try:
        saves = canonical(shape_of(conv), spec) is not None
        return make(conv, spec) if saves or keep_hopeless else None
    except (TypeError, ValueError) as error:
        raise InputError(f"layers.{name}: {error}") from error


def _not_a_conv(name: str, module: nn.Module | None) -> str:
    if module is None:
        return f"the net has no convolution {name!r}"
    return f"{name!r} is a {type(module).__name__}, not a plain convolution"


def _put(model: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    """Put a module in the place of another, under every name that it has."""
    if model is old:
        return new
    for name, child in list(model.named_modules(remove_duplicate=False)):
        if child is old:
            model.set_submodule(name, new)
    return model


@torch.no_grad()
def _fresh(conv: nn.Conv2d, spec: LayerSpec) -> nn.Module:
    layer = layers.build(conv, spec)
    if isinstance(layer, layers.LinearConv2d) and not conv.weight.is_meta:
        ratio = conv.weight.square().mean().sqrt() / layer.primary.square().mean().sqrt()
        if torch.isfinite(ratio) and ratio > 0:
            layer.primary.mul_(ratio)
        if conv.bias is not None and layer.bias is not None:
            layer.bias.copy_(conv.bias)
    return layer


def _closest(conv: nn.Conv2d, spec: LayerSpec) -> nn.Module:
    primary, secondary = split(conv.out_channels, spec.alpha)
    rank = None if spec.rank is None else resolve_rank(primary, secondary, spec.rank, None) or None
    return layers.LinearConv2d.from_conv(conv, alpha=spec.alpha, rank=rank, sparsity=spec.sparsity)

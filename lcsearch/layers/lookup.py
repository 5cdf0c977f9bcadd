"""Families by name and by spec, and what whole sets of layers come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lcsearch.core import plugins
from lcsearch.core.records import LayerCount
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.family import Family, Way
from lcsearch.layers.shape import ConvShape, Shapes, Size

PLAIN = ConvSpec.family
"""The family of the plain convolution."""


def family(name: str) -> Family[Any]:
    """The family of a name.

    Raises:
        InputError: There is none, or it does not load.
    """
    found: Family[Any] = plugins.find(plugins.FAMILY, name)
    return found


def family_of(spec: LayerSpec) -> Family[Any]:
    """The family of a spec."""
    return family(spec.family)


def ways(shape: ConvShape, families: Iterable[str] | None = None) -> list[Way]:
    """Ways to compress one layer whose loss is worth measuring, by falling parameters.

    Args:
        shape: The layer's convolution.
        families: Names of those that it may become; None for all.
    """
    kinds = map(family, plugins.names(plugins.FAMILY) if families is None else families)
    found = [way for kind in kinds if kind.refuses(shape) is None for way in kind.ways(shape)]
    return sorted(found, key=lambda way: -way.params)


def regularized(layers: Mapping[str, LayerSpec]) -> bool:
    """Whether a model with these layers trains otherwise with another weight of the regularizer."""
    return any(family_of(spec).regularizes for spec in layers.values())


def cells(layer: LayerCount) -> tuple[str, str]:
    """How much of a counted layer is learned and of what kind it is, in words; a linear layer is plain."""
    known = layer.family in plugins.names(plugins.FAMILY)
    return family(layer.family).cells(layer.numbers) if known else ("", "plain")


def bundles(layers: Mapping[str, LayerSpec]) -> Sequence[tuple[Family[Any], Mapping[str, LayerSpec]]]:
    """Layers that share tensors together, every other one by itself, in the order of their first layers."""
    if len(layers) == 1:  # samplers ask for single layers thousands of times per proposal
        return [(family_of(*layers.values()), layers)]
    found: dict[tuple[str, str], tuple[Family[Any], dict[str, LayerSpec]]] = {}
    for name, spec in layers.items():
        kind = family_of(spec)
        found.setdefault((spec.family, kind.together(name, spec)), (kind, {}))[1][name] = spec
    return list(found.values())


def canonicals(shapes: Shapes, layers: Mapping[str, LayerSpec]) -> dict[str, LayerSpec]:
    """The canonical specs of layers, bundle by bundle; a layer that should be plain is left out.

    Args:
        shapes: The convolutions that the layers stand for, and maybe others.
        layers: Specs by name.

    Raises:
        ValueError: A spec does not fit its shape.
    """
    found: dict[str, LayerSpec] = {}
    for kind, own in bundles(layers):
        found |= kind.canonicals(shapes, own)
    return found


def sizes(shapes: Shapes, layers: Mapping[str, LayerSpec]) -> dict[str, Size]:
    """Numbers of every convolution, those without a spec plain.

    Args:
        shapes: All convolutions.
        layers: What becomes of some of them.
    """
    found = {name: Size(shape.params, shape.params) for name, shape in shapes.items()}
    for kind, own in bundles(layers):
        found |= kind.sizes(shapes, own)
    return found

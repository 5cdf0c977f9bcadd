"""Choices of layers that share filters: who shares, how many, and how many each has beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lcsearch.core.parameters import Number
from lcsearch.layers.guesses import Suits
from lcsearch.layers.shape import ConvShape, Shapes


class Chosen(NamedTuple):
    """A choice.

    Attributes:
        share_by: Who shares.
        shared: Shared filters of each bank, or of all, / the most that there can be.
        unique: Unique filters of each layer, or of all, / the most that are of use.
    """

    share_by: str
    shared: tuple[float, ...]
    unique: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to share, and what is asked for it.

    Attributes:
        banks: Layers of each bank, at least two, in module order.
        layers: All of these, in module order.
        shared: Numbers that are asked for: one for each bank, or one for all.
        unique: One for each layer, or one for all.
    """

    banks: tuple[tuple[str, ...], ...]
    layers: tuple[str, ...]
    shared: tuple[Number, ...]
    unique: tuple[Number, ...]

    def of_banks(self, own: Chosen) -> Iterator[tuple[tuple[str, ...], float]]:
        """The layers of each bank, and the share of its filters."""
        return zip(self.banks, _for_all(own.shared, len(self.banks)), strict=True)

    def of_layers(self, own: Chosen) -> Mapping[str, float]:
        """The share of unique filters of each layer."""
        return dict(zip(self.layers, _for_all(own.unique, len(self.layers)), strict=True))

    def banks_of(self, place: int) -> Sequence[tuple[str, ...]]:
        """The banks for which one of the numbers of shared filters is asked."""
        return self.banks if len(self.shared) == 1 else self.banks[place : place + 1]

    def layers_of(self, place: int) -> Sequence[str]:
        """The layers for which one of the numbers of unique filters is asked."""
        return self.layers if len(self.unique) == 1 else self.layers[place : place + 1]


def _for_all(values: tuple[float, ...], count: int) -> tuple[float, ...]:
    return values if len(values) == count else values * count


def most_unique(shape: ConvShape) -> int:
    """The most unique filters that are of use: with as many a layer can be any convolution."""
    return min(shape.out_channels, shape.filter_size)


def shared_filters(share: float, shape: ConvShape) -> int:
    """Shared filters of a bank: the nearest number to a share of the most, at least 1."""
    return min(shape.filter_size, max(1, math.floor(share * shape.filter_size + 0.5)))


def unique_filters(share: float, shape: ConvShape, shared: int) -> int:
    """Unique filters beside so many shared ones: with these no more than a filter has numbers."""
    return min(shape.filter_size - shared, math.floor(share * most_unique(shape) + 0.5))


def suits_shared(filters: int, shape: ConvShape) -> Suits:
    """Which shares give a bank so many filters."""
    suits = Suits.around(filters / shape.filter_size, 1 / shape.filter_size)
    return suits._replace(low=0.0) if filters == 1 else suits  # less than 1 is raised to 1


def suits_unique(filters: int, shape: ConvShape, shared: int) -> Suits:
    """Which shares give a layer so many unique filters."""
    suits = Suits.around(filters / most_unique(shape), 1 / most_unique(shape))
    return suits._replace(high=1.0) if filters == shape.filter_size - shared else suits  # more are cut to it


def alike(names: Sequence[str], shapes: Shapes) -> list[list[str]]:
    """Layers by their shapes, apart from biases: only those of one can share."""
    found: dict[ConvShape, list[str]] = {}
    for name in names:
        found.setdefault(replace(shapes[name], bias=False), []).append(name)
    return list(found.values())

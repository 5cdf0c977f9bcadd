"""The choices of the family ``shared``: for all layers that may share filters with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Generic

from lcsearch.core.parameters import Choice, Number, Trial
from lcsearch.layers.guesses import Suits, between
from lcsearch.layers.offer import End, Offer, SpecT, nudge
from lcsearch.layers.partners import Sets
from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.layers.shared_choice import (
    Chosen,
    Way,
    alike,
    most_unique,
    shared_filters,
    suits_shared,
    suits_unique,
    unique_filters,
)
from lcsearch.layers.shared_rule import SharedRule
from lcsearch.layers.shared_weights import Weights

if TYPE_CHECKING:
    import numpy as np

    from lcsearch.layers.family import Family

Read = Mapping[str, tuple[int, int]]
"""Shared and unique filters of layers, by name."""

_STEP = 0.3
"""Standard deviation of a nudge to unique filters, as a share of them, beside one filter."""


class SharedOffer(Offer[SpecT, Chosen], Generic[SpecT]):
    """The choices of layers that may share filters.

    Args:
        family: Says what is canonical, and sizes.
        make: A spec of bank, shared and unique filters.
        read: Its inverse, but for the bank.
        rule: What the space says.
        group: As for `Offer`.
        shapes: As for `Offer`.
        sets: Who shares with whom; of two ways that say the same the first is kept.
        each: Whether each bank and layer has a number of its own.
    """

    def __init__(
        self,
        family: Family[SpecT],
        make: Callable[[str, int, int], SpecT],
        read: Callable[[SpecT], tuple[int, int]],
        rule: SharedRule,
        group: str,
        shapes: Shapes,
        sets: Sets,
        each: bool,
    ) -> None:
        super().__init__(group, shapes)
        self._family, self._make, self._read = family, make, read
        self._shared, self._unique = rule.shared, rule.unique
        ways = {banks: way for way, banks in reversed(list(sets.items()))}
        kept = {way: banks for way, banks in sets.items() if ways[banks] == way}
        self._ways = {way: self._way(banks, each) for way, banks in kept.items()}
        self._by = Choice(f"{group}/share_by", tuple(kept))
        self._most = max(shape.filter_size for shape in shapes.values())
        self._most_unique = max(map(most_unique, shapes.values()))
        self._weights = {name: Weights(way, shapes) for name, way in self._ways.items()}

    def _way(self, banks: tuple[tuple[str, ...], ...], each: bool) -> Way:
        layers = tuple(name for name in self.members if any(name in bank for bank in banks))
        shared = [f"shared[{bank[0]}]" for bank in banks] if each else ["shared"]
        unique = [f"unique[{name}]" for name in layers] if each else ["unique"]
        return Way(
            banks,
            layers,
            tuple(Number(f"{self.group}/{name}", self._shared) for name in shared),
            tuple(Number(f"{self.group}/{name}", self._unique) for name in unique),
        )

    @property
    def parameters(self) -> Sequence[Choice | Number]:
        """Who shares, then filters; the same of two ways once."""
        numbers = [number for way in self._ways.values() for number in (*way.shared, *way.unique)]
        return self._by, *dict.fromkeys(numbers)

    def suggest(self, trial: Trial, shrink: float) -> Chosen:
        """Filters are the asked ones times ``shrink``, but at least the rule's low."""
        by = self._by.suggest(trial)
        way = self._ways[by]
        shared, unique = (
            tuple(max(number.range.low, number.suggest(trial) * shrink) for number in numbers)
            for numbers in (way.shared, way.unique)
        )
        return Chosen(by, shared, unique)

    def answers(self, own: Chosen, shrink: float) -> dict[str, float | str]:
        """Who shares, and filters divided by ``shrink``."""
        way = self._ways[own.share_by]
        numbers = zip((*way.shared, *way.unique), (*own.shared, *own.unique), strict=True)
        return {self._by.name: own.share_by} | {one.name: one.clip(value / shrink) for one, value in numbers}

    def least_shrink(self, own: Chosen) -> float:
        """The largest of all filters as a share of the most that are asked for."""
        most = [(max(own.shared), self._shared.high), (max(own.unique), self._unique.high)]
        return max(value / high for value, high in most if high > 0)

    def layers(self, own: Chosen, shapes: Shapes) -> dict[str, SpecT]:
        """Bank by bank; one that would store no less than plain layers, or of one layer, is none."""
        way, found = self._ways[own.share_by], dict[str, SpecT]()
        unique = way.of_layers(own)
        for bank, share in way.of_banks(own):
            for names in alike(bank, shapes):
                if len(names) > 1:
                    shape = shapes[names[0]]
                    shared = shared_filters(share, shape)
                    count = {name: unique_filters(unique[name], shape, shared) for name in names}
                    specs = {name: self._make(names[0], shared, count[name]) for name in names}
                    found |= self._family.canonicals(shapes, specs)
        return {name: found[name] for name in self.members if name in found}

    def guesses(self, wanted: Mapping[str, SpecT], shapes: Shapes) -> Iterator[Chosen]:
        """For each way: shares that suit each bank and layer, then all for which one number is asked."""
        read = {name: self._read(spec) for name, spec in wanted.items()}
        for by, way in self._ways.items():
            shared = [self._for_banks(way, place, read, shapes) for place in range(len(way.shared))]
            unique = [self._for_layers(way, place, read, shapes) for place in range(len(way.unique))]
            for one, other in product(_side_by_side(shared), _side_by_side(unique)):
                yield Chosen(by, one, other)

    def _for_banks(self, way: Way, place: int, read: Read, shapes: Shapes) -> list[float]:
        own = [name for bank in way.banks_of(place) for name in bank if name in read]
        return _tried(way.shared[place], [suits_shared(read[name][0], shapes[name]) for name in own])

    def _for_layers(self, way: Way, place: int, read: Read, shapes: Shapes) -> list[float]:
        own = [(shapes[name], *read[name]) for name in way.layers_of(place) if name in read]
        suits = [suits_unique(unique, shape, shared) for shape, shared, unique in own]
        return _tried(way.unique[place], suits)

    def near(self, spec: SpecT, shape: ConvShape) -> Iterator[Chosen]:
        """None: what one layer alone may lose says nothing of a choice for several."""
        yield from ()

    def extreme(self, shapes: Shapes, end: End) -> Chosen:
        """At an end of all filters: with more, up to plain convolutions, no bank's layers are smaller."""
        least, most = (self._shared.low, self._unique.low), (self._shared.high, self._unique.high)
        choose, filters = (min, least) if end == "smallest" else (max, most)
        ends = [self._even(by, *filters) for by in self._ways]
        return choose(ends, key=lambda own: self._stored(own, shapes))

    def _even(self, by: str, shared: float, unique: float) -> Chosen:
        """The same for all banks and layers."""
        way = self._ways[by]
        return Chosen(by, (shared,) * len(way.shared), (unique,) * len(way.unique))

    def _stored(self, own: Chosen, shapes: Shapes) -> int:
        layers = self.layers(own, shapes)
        plain = sum(shapes[name].params for name in self.members if name not in layers)
        banks: dict[str, dict[str, SpecT]] = {}
        for name, spec in layers.items():
            banks.setdefault(self._family.together(name, spec), {})[name] = spec
        sizes = (self._family.sizes(shapes, bank) for bank in banks.values())
        return plain + sum(size.stored for found in sizes for size in found.values())

    def at_share(self, share: float, shapes: Shapes) -> dict[str, SpecT]:
        """The first way, and shared filters alone."""
        by = self._by.choices[0]
        return self.layers(self._even(by, min(1.0, self._weights[by].shared_at(share)), 0.0), shapes)

    def allowed(self, share: float) -> float:
        """The nearest share that shared filters alone make."""
        weights = self._weights[self._by.choices[0]]
        low, high = (weights.share_at(one) for one in (self._shared.low, self._shared.high))
        return min(1.0, max(low, min(high, share)))

    def share(self, own: Chosen) -> float:
        """What of the numbers of all members is stored, if all banks are made so."""
        return min(1.0, self._weights[own.share_by](self._ways[own.share_by], own))

    def keeping(self, share: float, rng: np.random.Generator) -> Chosen:
        """Any way, even filters; in half of all cases unique ones, for up to half of what is stored."""
        by = self._drawn(self._by.choices, rng)
        part = rng.uniform(0.0, 0.5) if rng.random() < 0.5 else 0.0
        weights = self._weights[by]
        shared, unique = weights.shared_at(share * (1 - part)), weights.unique_at(share * part)
        return self._snapped(self._even(by, shared, unique))

    def nudged(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """More or fewer filters of one bank, or of one layer where there is a choice."""
        shared, unique = list(own.shared), list(own.unique)
        if self._unique.low == self._unique.high or rng.random() < 0.5:
            shared[int(rng.integers(len(shared)))] *= nudge(rng)
        else:
            place = int(rng.integers(len(unique)))
            step = 1 / self._most_unique + _STEP * unique[place]
            unique[place] += step * float(rng.standard_normal())
        return self._snapped(Chosen(own.share_by, tuple(shared), tuple(unique)))

    def changed(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """Another way that stores about as much; where there is one, more filters or less."""
        others = [by for by in self._ways if by != own.share_by]
        if not others:
            return self.nudged(own, rng)
        by = self._drawn(others, rng)
        even = self._even(by, _mean(own.shared), _mean(own.unique))
        return self.scaled(even, self.share(own) / self.share(even))

    def scaled(self, own: Chosen, factor: float) -> Chosen:
        """So many times as many filters, shared and unique ones."""
        shared, unique = (tuple(value * factor for value in values) for values in (own.shared, own.unique))
        return self._snapped(Chosen(own.share_by, shared, unique))

    def _drawn(self, words: Sequence[str], rng: np.random.Generator) -> str:
        return words[int(rng.integers(len(words)))] if len(words) > 1 else words[0]

    def _snapped(self, own: Chosen) -> Chosen:
        """The nearest whole numbers of the largest layer's: so sizes are looked up."""
        way = self._ways[own.share_by]
        shared = _snapped(way.shared, own.shared, self._most)
        return Chosen(own.share_by, shared, _snapped(way.unique, own.unique, self._most_unique))


def _tried(number: Number, suits: Sequence[Suits]) -> list[float]:
    """Values to try: where nothing asks for any, first that which is likeliest to save nothing."""
    return between(number, suits) if suits else [number.range.high, number.range.low]


def _side_by_side(values: Sequence[Sequence[float]]) -> Iterator[tuple[float, ...]]:
    """The first of each, then the second of each, and so on; the last ones again where there are no more."""
    for place in range(max(map(len, values))):
        yield tuple(own[min(place, len(own) - 1)] for own in values)


def _snapped(numbers: Sequence[Number], values: Sequence[float], most: int) -> tuple[float, ...]:
    own = zip(numbers, values, strict=True)
    return tuple(number.clip(round(value * most) / most) for number, value in own)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

"""The choices of the family ``basis``: how many filters a bank has, and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple

from lcsearch.core.parameters import Choice, Number, Trial
from lcsearch.layers import basis_sizes
from lcsearch.layers.basis_rule import BasisRule
from lcsearch.layers.guesses import Suits, between
from lcsearch.layers.offer import End, Offer, SpecT, nudge
from lcsearch.layers.shape import ConvShape, Shapes

if TYPE_CHECKING:
    import numpy as np

    from lcsearch.layers.family import Family

Fields = tuple[int, bool, int | None]
"""Filters of a spec, whether they train, and their seed."""

FITTED, RANDOM, TRAINED = "fitted", "random", "trained"


class Chosen(NamedTuple):
    """A choice.

    Attributes:
        filters: Filters of the bank / the most that there can be; or the energy that they keep.
        bank: Where it comes from: ``fitted``, ``random`` or ``trained``.
    """

    filters: float
    bank: str


def filters_at(share: float, shape: ConvShape) -> int:
    """The nearest number of filters to a share of the most, at least 1."""
    most = basis_sizes.most(shape)
    return min(most, max(1, math.floor(share * most + 0.5)))


class BasisOffer(Offer[SpecT, Chosen], Generic[SpecT]):
    """The choices of basis layers.

    Args:
        family: Says what is canonical, and sizes.
        make: A spec of filters, whether they train, and their seed.
        read: Its inverse.
        rule: What the space says.
        group: As for `Offer`.
        shapes: As for `Offer`.
    """

    def __init__(
        self,
        family: Family[SpecT],
        make: Callable[[int, bool, int | None], SpecT],
        read: Callable[[SpecT], Fields],
        rule: BasisRule,
        group: str,
        shapes: Shapes,
    ) -> None:
        super().__init__(group, shapes)
        self._family, self._make, self._read, self._seed = family, make, read, rule.bank_seed
        self._filters = Number(f"{group}/filters", rule.filters)
        self._bank = Choice(f"{group}/bank", tuple(rule.banks))
        self._most = max(map(basis_sizes.most, shapes.values()))
        numbers = sum(shape.macs for shape in shapes.values())
        self._whole = {bank: stored_at_most(bank, shapes) / numbers for bank in self._bank.choices}

    @property
    def parameters(self) -> Sequence[Choice | Number]:
        """The filters, and where the bank comes from."""
        return self._filters, self._bank

    def suggest(self, trial: Trial, shrink: float) -> Chosen:
        """Filters are the asked ones times ``shrink``, but at least the rule's low."""
        filters = max(self._filters.range.low, self._filters.suggest(trial) * shrink)
        return Chosen(filters, self._bank.suggest(trial))

    def answers(self, own: Chosen, shrink: float) -> dict[str, float | str]:
        """Filters divided by ``shrink``, and the bank."""
        filters = self._filters.clip(own.filters / shrink)
        return {self._filters.name: filters, self._bank.name: own.bank}

    def least_shrink(self, own: Chosen) -> float:
        """Filters as a share of the most that are asked for."""
        return own.filters / self._filters.range.high

    def layers(self, own: Chosen, shapes: Shapes) -> dict[str, SpecT]:
        """One share for all; a layer that would store no less stays plain."""
        return self._canonical({name: self._spec(own, name, shapes[name]) for name in self.members}, shapes)

    def _canonical(self, made: Mapping[str, SpecT], shapes: Shapes) -> dict[str, SpecT]:
        found = ((name, self._family.canonical(shapes[name], spec)) for name, spec in made.items())
        return {name: spec for name, spec in found if spec is not None}

    def _spec(self, own: Chosen, name: str, shape: ConvShape) -> SpecT:
        return self._with_bank(filters_at(self._kept(own.filters, name), shape), own.bank)

    def _kept(self, filters: float, name: str) -> float:
        """What a choice makes the filters of a member, as a share of the most."""
        return filters

    def _with_bank(self, filters: int, bank: str) -> SpecT:
        return self._make(filters, bank == TRAINED, self._seed if bank == RANDOM else None)

    def guesses(self, wanted: Mapping[str, SpecT], shapes: Shapes) -> Iterator[Chosen]:
        """Shares that suit each layer, then all, then the ends."""
        kinds = {self._kind(spec) for spec in wanted.values()}
        if len(kinds) > 1:
            return
        suits = [self._suits(name, shapes[name], self._read(spec)[0]) for name, spec in wanted.items()]
        for bank in kinds or self._bank.choices:
            if bank in self._bank.choices:
                for filters in between(self._filters, suits):
                    yield Chosen(filters, bank)

    def _suits(self, name: str, shape: ConvShape, filters: int) -> Suits:
        """Which shares give a member its filters."""
        most = basis_sizes.most(shape)
        suits = Suits.around(filters / most, 1 / most)
        return suits._replace(low=0.0) if filters == 1 else suits  # less than 1 is raised to 1

    def _kind(self, spec: SpecT) -> str:
        """Where a spec's bank comes from; nothing that is a choice where its seed is another."""
        _, trained, seed = self._read(spec)
        if seed is None:
            return TRAINED if trained else FITTED
        return RANDOM if seed == self._seed else ""

    def near(self, spec: SpecT, shape: ConvShape) -> Iterator[Chosen]:
        """Its own share of the most filters."""
        filters, bank = self._read(spec)[0] / basis_sizes.most(shape), self._kind(spec)
        if bank in self._bank.choices and filters == self._filters.clip(filters):
            yield Chosen(filters, bank)

    def extreme(self, shapes: Shapes, end: End) -> Chosen:
        """At an end of the share: with more filters, up to the plain convolution, no layer is smaller."""
        best, ends = (min, self._filters.range.low), (max, self._filters.range.high)
        choose, filters = best if end == "smallest" else ends
        choices = [Chosen(filters, bank) for bank in self._bank.choices]
        return choose(choices, key=lambda own: self._stored(own, shapes))

    def _stored(self, own: Chosen, shapes: Shapes) -> int:
        layers = self.layers(own, shapes)
        return sum(
            self._family.size(shapes[name], layers[name]).stored if name in layers else shapes[name].params
            for name in self.members
        )

    def at_share(self, share: float, shapes: Shapes) -> dict[str, SpecT]:
        """This share of the most filters, the bank of the first kind that there is."""
        return self.layers(Chosen(share, self._bank.choices[0]), shapes)

    def allowed(self, share: float) -> float:
        """The nearest share of filters."""
        return self._filters.clip(share)

    def share(self, own: Chosen) -> float:
        """What of the numbers of all members is stored, if all of them are made so."""
        return min(1.0, own.filters * self._whole[own.bank])

    def keeping(self, share: float, rng: np.random.Generator) -> Chosen:
        """Any bank, and as many filters of it."""
        return self._with(share, self._drawn(self._bank.choices, rng))

    def nudged(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """More filters or less."""
        return self.scaled(own, nudge(rng))

    def changed(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """Another bank that stores about as much; where there is one kind, more filters or less."""
        others = [bank for bank in self._bank.choices if bank != own.bank]
        return self._with(self.share(own), self._drawn(others, rng)) if others else self.nudged(own, rng)

    def scaled(self, own: Chosen, factor: float) -> Chosen:
        """So many times as many filters."""
        return Chosen(self._snapped(own.filters * factor), own.bank)

    def _with(self, share: float, bank: str) -> Chosen:
        return Chosen(self._snapped(share / self._whole[bank]), bank)

    def _drawn(self, banks: Sequence[str], rng: np.random.Generator) -> str:
        return banks[int(rng.integers(len(banks)))]

    def _snapped(self, filters: float) -> float:
        """The nearest share that is a whole number of the largest bank's: so sizes are looked up."""
        return self._filters.clip(max(1, round(filters * self._most)) / self._most)


def stored_at_most(bank: str, shapes: Shapes) -> int:
    """Numbers that layers store with as many filters as there can be, their biases left out."""
    found = 0
    for shape in shapes.values():
        size = basis_sizes.size(
            shape, basis_sizes.most(shape), bank == TRAINED, 0 if bank == RANDOM else None
        )
        found += size.stored - shape.bias_size
    return found

"""The choices of basis layers by the energy that their filters keep of a trained net's.

With S the singular values of a convolution's filters, as a matrix (out, in * kh * kw), Q filters keep the
share of the Q largest squares in all. An energy is one number for all layers of a group; each has as few
filters as keep it. Of a layer that also loses channels they are the same share of the most as if it kept all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic

from lcsearch.core.parameters import Number, Trial
from lcsearch.core.ranges import Share
from lcsearch.layers import basis_sizes
from lcsearch.layers.basis_offer import BasisOffer, Chosen, Fields, filters_at, stored_at_most
from lcsearch.layers.basis_rule import BasisRule
from lcsearch.layers.guesses import Suits
from lcsearch.layers.offer import SpecT
from lcsearch.layers.shape import ConvShape, Shapes

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.layers.family import Family


class EnergyOffer(BasisOffer[SpecT], Generic[SpecT]):
    """As `BasisOffer`; a choice holds an energy, which a common factor does not change.

    Until `learn` is called, one filter counts as if it kept all: so nothing of the space is smaller.
    """

    def __init__(
        self,
        family: Family[SpecT],
        make: Callable[[int, bool, int | None], SpecT],
        read: Callable[[SpecT], Fields],
        rule: BasisRule,
        energy: Share,
        group: str,
        shapes: Shapes,
    ) -> None:
        super().__init__(family, make, read, rule, group, shapes)
        self._filters = Number(f"{group}/energy", energy)
        numbers = sum(shape.macs for shape in shapes.values())
        self._weights = {
            bank: {name: stored_at_most(bank, {name: shape}) / numbers for name, shape in shapes.items()}
            for bank in self._bank.choices
        }
        self._know({name: [1.0] * basis_sizes.most(shape) for name, shape in shapes.items()})

    def learn(self, convs: Mapping[str, nn.Conv2d]) -> None:
        """Find what 1, 2, ... filters of each layer keep."""
        from lcsearch.layers.basis_conversion import kept_by

        self._know({name: kept_by(convs[name]) for name in self.members})

    def _know(self, kept: Mapping[str, list[float]]) -> None:
        """Take what 1, 2, ... filters of each layer keep, and with it the energies that differ."""
        low, high = self._filters.range.low, self._filters.range.high
        self._curves = kept
        inside = {energy for own in kept.values() for energy in own if low < energy < high}
        self._steps = sorted({low, high, *inside})
        self._shares = {
            bank: [self.share(Chosen(energy, bank)) for energy in self._steps] for bank in self._bank.choices
        }

    def _kept(self, filters: float, name: str) -> float:
        """Filters that keep an energy, as a share of the most."""
        own = self._curves[name]
        return min(len(own), bisect_left(own, filters) + 1) / len(own)

    def suggest(self, trial: Trial, shrink: float) -> Chosen:
        """What is asked for."""
        return Chosen(self._filters.suggest(trial), self._bank.suggest(trial))

    def answers(self, own: Chosen, shrink: float) -> dict[str, float | str]:
        """The choice itself."""
        return {self._filters.name: self._filters.clip(own.filters), self._bank.name: own.bank}

    def least_shrink(self, own: Chosen) -> float:
        """None is too small."""
        return 0.0

    def _suits(self, name: str, shape: ConvShape, filters: int) -> Suits:
        """Which energies give a member its filters, if any does."""
        own = self._curves[name]
        places = [place for place in range(len(own)) if filters_at((place + 1) / len(own), shape) == filters]
        if not places:
            return Suits(0.0, 0.0, 0.0)
        low, high = own[places[0] - 1] if places[0] else 0.0, own[places[-1]]
        return Suits(min(1.0, high), low, high)

    def near(self, spec: SpecT, shape: ConvShape) -> Iterator[Chosen]:
        """The energies that members of this shape keep with its filters."""
        filters, bank = self._read(spec)[0], self._kind(spec)
        for name in self.members if bank in self._bank.choices else ():
            energy = self._filters.clip(self._suits(name, shape, filters).value)
            if filters_at(self._kept(energy, name), shape) == filters:
                yield Chosen(energy, bank)

    def at_share(self, share: float, shapes: Shapes) -> dict[str, SpecT]:
        """This share of the most filters, whatever they keep."""
        made = {
            name: self._with_bank(filters_at(share, shapes[name]), self._bank.choices[0])
            for name in self.members
        }
        return self._canonical(made, shapes)

    def allowed(self, share: float) -> float:
        """The nearest share of filters, in the mean of the layers."""
        ends = [self._mean(self._filters.range.low), self._mean(self._filters.range.high)]
        return min(max(share, ends[0]), ends[1])

    def _mean(self, energy: float) -> float:
        return sum(self._kept(energy, name) for name in self.members) / len(self.members)

    def share(self, own: Chosen) -> float:
        """What of the numbers of all members is stored, if all of them are made so."""
        weights = self._weights[own.bank]
        return min(1.0, sum(self._kept(own.filters, name) * weights[name] for name in self.members))

    def scaled(self, own: Chosen, factor: float) -> Chosen:
        """What stores so many times as much."""
        return self._with(self.share(own) * factor, own.bank)

    def _with(self, share: float, bank: str) -> Chosen:
        """The energy that stores about a share."""
        shares = self._shares[bank]
        place = min(len(shares) - 1, bisect_left(shares, share))
        if place and share - shares[place - 1] < shares[place] - share:
            place -= 1
        return Chosen(self._steps[place], bank)

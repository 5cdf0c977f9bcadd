"""The choices of the family ``separable``: how many terms, the kind of pointwise part, and a rank for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Generic

from lcsearch.core.parameters import Choice, Number, Trial
from lcsearch.core.ranges import Count
from lcsearch.layers import separable_choice
from lcsearch.layers.guesses import Suits, between
from lcsearch.layers.offer import End, Offer, SpecT, nudge
from lcsearch.layers.separable_choice import FULL, LOW_RANK, Chosen, Fields
from lcsearch.layers.separable_rule import SeparableRule
from lcsearch.layers.shape import ConvShape, Shapes

if TYPE_CHECKING:
    import numpy as np

    from lcsearch.layers.family import Family

_ALMOST = 0.4
"""Of a term: what is a little above half is rounded to a whole one, whatever the last digit of a factor."""
_NEAR = math.log(1.25)
"""How near a share must be, as a logarithm, so that it counts as kept."""
_ROOM = 10_000


class SeparableOffer(Offer[SpecT, Chosen], Generic[SpecT]):
    """The choices of separable layers.

    Args:
        family: Says what is canonical, and sizes.
        make: A spec of terms and rank.
        read: Its inverse.
        rule: What the space says.
        group: As for `Offer`.
        shapes: As for `Offer`.
    """

    def __init__(
        self,
        family: Family[SpecT],
        make: Callable[[int, int | None], SpecT],
        read: Callable[[SpecT], Fields],
        rule: SeparableRule,
        group: str,
        shapes: Shapes,
    ) -> None:
        super().__init__(group, shapes)
        self._family, self._make, self._read = family, make, read
        self._terms = Number(f"{group}/terms", _that_save(rule, shapes))
        self._kind = Choice(f"{group}/pointwise", tuple(rule.pointwise))
        self._ratio = Number(f"{group}/pointwise_rank_ratio", rule.pointwise_rank_ratio)
        self._shapes = {name: shapes[name] for name in self.members}
        self._widest = max(shape.in_channels for shape in shapes.values())
        self._numbers = sum(shape.macs for shape in shapes.values())
        self._shares: dict[Chosen, float] = {}

    @property
    def parameters(self) -> Sequence[Choice | Number]:
        """The terms, the kind of pointwise part, and the rank of one that is low-rank."""
        always = (self._terms, self._kind)
        return (*always, self._ratio) if LOW_RANK in self._kind.choices else always

    def suggest(self, trial: Trial, shrink: float) -> Chosen:
        """``shrink`` multiplies the rank, or the terms where there is none; at least the rule's low."""
        terms, kind = int(self._terms.suggest(trial)), self._kind.suggest(trial)
        if kind == LOW_RANK:
            return Chosen(terms, kind, max(self._ratio.range.low, self._ratio.suggest(trial) * shrink))
        return Chosen(max(int(self._terms.range.low), _whole(terms * shrink)), kind)

    def answers(self, own: Chosen, shrink: float) -> dict[str, float | str]:
        """What ``shrink`` multiplies divided by it, and the others as they are."""
        answers: dict[str, float | str] = {self._kind.name: own.pointwise}
        if own.ratio is None:
            return answers | {self._terms.name: self._clipped(_whole(own.terms / shrink))}
        ratio = {self._ratio.name: self._ratio.clip(own.ratio / shrink)}
        return answers | {self._terms.name: own.terms, **ratio}

    def least_shrink(self, own: Chosen) -> float:
        """Rank or terms as a share of the largest that are asked for."""
        if own.ratio is not None:
            return own.ratio / self._ratio.range.high
        low, high = self._terms.range.low, self._terms.range.high
        return 0.0 if own.terms == low else (own.terms - _ALMOST) / high

    def layers(self, own: Chosen, shapes: Shapes) -> dict[str, SpecT]:
        """As many terms and as high a rank as are chosen; where these save nothing, fewer."""
        return self._specs({name: separable_choice.made(own, shapes[name]) for name in self.members}, shapes)

    def guesses(self, wanted: Mapping[str, SpecT], shapes: Shapes) -> Iterator[Chosen]:
        """Values that suit each layer, then all, then the ends."""
        fields = [(shapes[name], *self._read(spec)) for name, spec in wanted.items()]
        for kind in self._kind.choices:
            if kind == FULL and any(rank is not None for _, _, rank in fields):
                continue
            for terms in between(self._terms, [_terms_for(kind, *one) for one in fields]):
                if kind == FULL:
                    yield Chosen(int(terms), kind)
                    continue
                for ratio in between(self._ratio, [_ratios(*one) for one in fields]):
                    yield Chosen(int(terms), kind, ratio)

    def near(self, spec: SpecT, shape: ConvShape) -> Iterator[Chosen]:
        """Its own terms, and its rank as a share of the input channels."""
        terms, rank = self._read(spec)
        ratio = None if rank is None else rank / shape.in_channels
        kind = FULL if rank is None else LOW_RANK
        outside = ratio is not None and ratio != self._ratio.clip(ratio)
        if kind in self._kind.choices and terms == self._clipped(terms) and not outside:
            yield Chosen(terms, kind, ratio)

    def extreme(self, shapes: Shapes, end: End) -> Chosen:
        """By trying all terms; at given terms a higher rank is larger."""
        best = min if end == "smallest" else max
        low, high = self._ratio.range.low, self._ratio.range.high
        ratio = low if end == "smallest" else high
        choices = [
            Chosen(terms, kind, None if kind == FULL else ratio)
            for terms in self._all_terms
            for kind in self._kind.choices
        ]
        return best(choices, key=lambda own: self._kept(own, shapes))

    def at_share(self, share: float, shapes: Shapes) -> dict[str, SpecT]:
        """The largest layers that keep at most this share."""
        return self._specs(
            {name: separable_choice.at_share(share, shapes[name]) for name in self.members}, shapes
        )

    def with_channels(self, shapes: Shapes) -> dict[str, SpecT]:
        """One term in full, as published (BSConv-U)."""
        return self.layers(Chosen(1, FULL), shapes)

    def allowed(self, share: float) -> float:
        """The share of the choice that is nearest."""
        return self.share(self._nearest(share, self._kind.choices))

    def share(self, own: Chosen) -> float:
        """What of the numbers of all members stays at the largest width."""
        found = self._shares.get(own)
        if found is None:
            if len(self._shares) >= _ROOM:
                self._shares.clear()
            found = self._shares[own] = self._kept(own, self._shapes) / self._numbers
        return found

    def keeping(self, share: float, rng: np.random.Generator) -> Chosen:
        """Mostly full where that comes near it; else any of the choices that do."""
        full = self._nearest(share, (FULL,)) if FULL in self._kind.choices else None
        if full is not None and self._off(full, share) < _NEAR and rng.random() < 0.7:
            return full
        near = [own for own in self._at(share, self._kind.choices) if self._off(own, share) < _NEAR]
        return near[int(rng.integers(len(near)))] if near else self._nearest(share, self._kind.choices)

    def nudged(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """A term more or less, or another rank, and now and then both."""
        terms, ratio = own.terms, own.ratio
        if ratio is None or rng.random() < 0.3:
            terms = self._stepped(terms, rng)
        if ratio is not None:
            ratio = self._at_rank(ratio * nudge(rng))
        moved = Chosen(terms, own.pointwise, ratio)
        return self.changed(own, rng) if moved == own else moved

    def changed(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """Of the other kind, or of other terms and another rank; else of other terms."""
        share, kind = self.share(own), (own.terms, own.pointwise)
        near = [
            one
            for one in self._at(share, self._kind.choices)
            if (one.terms, one.pointwise) != kind and self._off(one, share) < _NEAR
        ]
        if near:
            return near[int(rng.integers(len(near)))]
        return own._replace(terms=self._stepped(own.terms, rng))

    def scaled(self, own: Chosen, factor: float) -> Chosen:
        """Other terms; of a low-rank layer another rank, and other terms where no rank keeps so much."""
        share = self.share(own) * factor
        if own.ratio is None:
            return self._nearest(share, (FULL,))
        same = self._low_rank(own.terms, share)
        return same if self._off(same, share) < _NEAR else self._nearest(share, (LOW_RANK,))

    @property
    def _all_terms(self) -> range:
        return range(int(self._terms.range.low), int(self._terms.range.high) + 1)

    def _specs(self, made: Mapping[str, Fields | None], shapes: Shapes) -> dict[str, SpecT]:
        """The canonical specs of what was made of members."""
        found = {}
        for name, fields in made.items():
            if fields is not None and (spec := self._family.canonical(shapes[name], self._make(*fields))):
                found[name] = spec
        return found

    def _stepped(self, terms: int, rng: np.random.Generator) -> int:
        """One more or one less, as far as that is allowed."""
        step = 1 if rng.random() < 0.5 else -1
        there = self._clipped(terms + step)
        return self._clipped(terms - step) if there == terms else there

    def _clipped(self, terms: float) -> int:
        return int(self._terms.clip(terms))

    def _kept(self, own: Chosen, shapes: Shapes) -> int:
        """Numbers of the members, their biases left out."""
        found = 0
        for name in self.members:
            fields = separable_choice.made(own, shapes[name])
            found += separable_choice.numbers(shapes[name], *fields) if fields else shapes[name].macs
        return found

    def _off(self, own: Chosen, share: float) -> float:
        """How far a choice is from a share, as a logarithm."""
        return abs(math.log(self.share(own) / share))

    def _nearest(self, share: float, kinds: Sequence[str]) -> Chosen:
        return min(self._at(share, kinds), key=lambda own: self._off(own, share))

    def _at(self, share: float, kinds: Sequence[str]) -> Iterator[Chosen]:
        """For all terms the choice of each kind that is nearest to a share."""
        for terms in self._all_terms:
            for kind in kinds:
                yield Chosen(terms, kind) if kind == FULL else self._low_rank(terms, share)

    def _low_rank(self, terms: int, share: float) -> Chosen:
        """The rank with which so many terms keep about a share."""
        rest, whole = self._parts[terms]
        return Chosen(terms, LOW_RANK, self._at_rank((share * self._numbers - rest) / whole))

    @cached_property
    def _parts(self) -> Mapping[int, tuple[int, int]]:
        """By terms: numbers of all members at rank 0, and what a rank ratio of 1 adds."""
        numbers, shapes, found = separable_choice.numbers, self._shapes.values(), {}
        for terms in self._all_terms:
            rest = [numbers(shape, terms, 0) for shape in shapes]
            ranks = [
                shape.in_channels * (numbers(shape, terms, 1) - numbers(shape, terms, 0)) for shape in shapes
            ]
            found[terms] = sum(rest), sum(ranks)
        return found

    def _at_rank(self, ratio: float) -> float:
        """The nearest ratio that is a whole rank of the widest member: so sizes are looked up."""
        return self._ratio.clip(_whole(ratio * self._widest) / self._widest)


def _whole(number: float) -> int:
    return math.floor(number + 0.5)


def _that_save(rule: SeparableRule, shapes: Shapes) -> Count:
    """The rule's terms, as far as more of them still make another layer."""
    most = max(
        separable_choice.most_terms(shape, kind) for shape in shapes.values() for kind in rule.pointwise
    )
    low, high = (max(1, min(end, most)) for end in (rule.terms.low, rule.terms.high))
    return Count(low=low, high=high, log=rule.terms.log)


def _terms_for(kind: str, shape: ConvShape, terms: int, rank: int | None) -> Suits:
    """Which terms give a layer's: more than save are lowered."""
    most = separable_choice.most_terms(shape, FULL if rank is None else kind)
    return Suits(terms, terms, math.inf if terms == most else terms)


def _ratios(shape: ConvShape, terms: int, rank: int | None) -> Suits:
    """Which rank ratios give a layer's: less than 1 is raised to 1, more than saves is lowered."""
    if rank is None:
        return Suits(1.0, 0.0, math.inf)
    low = 0.0 if rank == 1 else rank - 0.5
    high = math.inf if rank == separable_choice.most_rank(shape, terms) else rank + 0.5
    return Suits(rank / shape.in_channels, low / shape.in_channels, high / shape.in_channels)

"""The choices of the family ``linear``: alpha, the kind of coefficients, a number that the kind asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple

from lcsearch.core.parameters import Choice, Number, Trial
from lcsearch.layers import arithmetic
from lcsearch.layers.guesses import Suits, between
from lcsearch.layers.linear_rule import LinearRule
from lcsearch.layers.offer import End, Offer, SpecT, nudge
from lcsearch.layers.shape import ConvShape, Shapes

if TYPE_CHECKING:
    import numpy as np

    from lcsearch.layers.family import Family

Fields = tuple[float, int | None, float | None]
"""Alpha, rank and sparsity of a spec."""

_DIGITS = 2
"""Of a drawn sparsity or rank ratio: so sizes of layers come up again and are looked up, not worked out."""


class Chosen(NamedTuple):
    """A choice.

    Attributes:
        alpha: Primary filters / all filters.
        coefficients: The kind of coefficient matrix.
        amount: The rank, rank ratio or sparsity; None for full coefficients.
    """

    alpha: float
    coefficients: str
    amount: float | None = None


class LinearOffer(Offer[SpecT, Chosen], Generic[SpecT]):
    """The choices of LinearConv layers.

    Args:
        family: Says what is canonical, and sizes.
        make: A spec of alpha, rank and sparsity.
        read: Its inverse.
        rule: What the space says.
        group: As for `Offer`.
        shapes: As for `Offer`.
    """

    def __init__(
        self,
        family: Family[SpecT],
        make: Callable[[float, int | None, float | None], SpecT],
        read: Callable[[SpecT], Fields],
        rule: LinearRule,
        group: str,
        shapes: Shapes,
    ) -> None:
        super().__init__(group, shapes)
        self._family, self._make, self._read, self._rule = family, make, read, rule
        self._alpha = Number(f"{group}/alpha", rule.alpha)
        self._kind = Choice(f"{group}/coefficients", tuple(rule.coefficients))
        self._amounts: dict[str, Number | None] = {
            "full": None,
            "low_rank": Number(f"{group}/{'rank' if rule.rank else 'rank_ratio'}", rule.ranks),
            "sparse": Number(f"{group}/sparsity", rule.sparsity),
        }
        self._filters = max(shape.out_channels for shape in shapes.values())

    @property
    def parameters(self) -> Sequence[Choice | Number]:
        """Alpha, the kind of coefficients, and what each kind asks for."""
        amounts = [self._amounts[kind] for kind in self._kind.choices]
        return [self._alpha, self._kind, *(amount for amount in amounts if amount is not None)]

    def suggest(self, trial: Trial, shrink: float) -> Chosen:
        """Alpha is the asked one times ``shrink``, but at least the rule's low."""
        alpha = max(self._rule.alpha.low, self._alpha.suggest(trial) * shrink)
        kind = self._kind.suggest(trial)
        amount = self._amounts[kind]
        return Chosen(alpha, kind, None if amount is None else amount.suggest(trial))

    def answers(self, own: Chosen, shrink: float) -> dict[str, float | str]:
        """Alpha divided by ``shrink``, and the others as they are."""
        answers: dict[str, float | str] = {
            self._alpha.name: self._alpha.clip(own.alpha / shrink),
            self._kind.name: own.coefficients,
        }
        amount = self._amounts[own.coefficients]
        if amount is not None and own.amount is not None:
            answers[amount.name] = own.amount
        return answers

    def least_shrink(self, own: Chosen) -> float:
        """Alpha as a share of the largest that is asked for."""
        return own.alpha / self._rule.alpha.high

    def layers(self, own: Chosen, shapes: Shapes) -> dict[str, SpecT]:
        """One alpha for all.

        A rank whose factors would cost as much as the full matrix is lowered until they do not; where no rank
        does, the coefficients are full.
        """
        found = {}
        for name in self.members:
            spec = self._layer(own, shapes[name])
            if spec is not None:
                found[name] = spec
        return found

    def _layer(self, own: Chosen, shape: ConvShape) -> SpecT | None:
        rank, sparsity = None, own.amount if own.coefficients == "sparse" else None
        if own.coefficients == "low_rank" and own.amount is not None:
            rank = self._rank(shape, own.alpha, own.amount)
        return self._family.canonical(shape, self._make(own.alpha, rank, sparsity))

    def _rank(self, shape: ConvShape, alpha: float, amount: float) -> int | None:
        p, s = arithmetic.split(shape.out_channels, alpha)
        useful = arithmetic.max_useful_rank(p, s)
        if useful == 0:
            return None
        if self._rule.rank:
            return min(round(amount), useful)
        return min(arithmetic.resolve_rank(p, s, None, amount), useful)

    def guesses(self, wanted: Mapping[str, SpecT], shapes: Shapes) -> Iterator[Chosen]:
        """Values that suit each layer, then all, then the ends."""
        fields = [(shapes[name], *self._read(spec)) for name, spec in wanted.items()]
        alphas = [_alphas(shape, alpha) for shape, alpha, _, _ in fields]
        made = [(rank, sparsity) for _, _, rank, sparsity in fields]
        kinds = [kind for kind in self._kind.choices if all(_may_make(kind, *one) for one in made)]
        for alpha in between(self._alpha, alphas):
            for kind in kinds:
                amount = self._amounts[kind]
                if amount is None:
                    yield Chosen(alpha, kind)
                    continue
                suits = [found for one in fields if (found := self._suits(kind, *one)) is not None]
                for value in between(amount, suits):
                    yield Chosen(alpha, kind, value)

    def _suits(
        self, kind: str, shape: ConvShape, alpha: float, rank: int | None, sparsity: float | None
    ) -> Suits | None:
        """Which amounts of a kind of coefficients give a layer's; None for a layer of another kind."""
        p, s = arithmetic.split(shape.out_channels, alpha)
        if kind == "sparse":
            return None if sparsity is None else Suits.around(sparsity, 1 / max(1, p * s))
        if rank is None:
            return None
        most = math.inf if rank == arithmetic.max_useful_rank(p, s) else rank + 1  # higher ones are lowered
        if self._rule.rank:
            return Suits(rank, rank, most)
        return Suits((rank + 0.5) / p, 0.0 if rank == 1 else rank / p, most / p)  # less than 1 is raised to 1

    def near(self, spec: SpecT, shape: ConvShape) -> Iterator[Chosen]:
        """Its own alpha, and its rank or rank ratio; none for sparse coefficients."""
        alpha, rank, sparsity = self._read(spec)
        kind = "full" if rank is None else "low_rank"
        if sparsity is not None or kind not in self._kind.choices:
            return
        if not self._rule.alpha.low <= alpha <= self._rule.alpha.high:
            return
        p, _ = arithmetic.split(shape.out_channels, alpha)
        yield Chosen(alpha, kind, rank if rank is None or self._rule.rank else rank / p)

    def extreme(self, shapes: Shapes, end: End) -> Chosen:
        """By trying one alpha at least for every combination of the members' numbers of primary filters."""
        smallest, plain = end == "smallest", sum(shapes[name].params for name in self.members)
        best, least = Chosen(self._rule.alpha.high, "full"), math.inf if smallest else -math.inf
        steps = self._steps(shapes)
        for alpha in steps if smallest else reversed(steps):
            if least <= self._primaries(alpha, shapes) if smallest else least >= plain:
                break
            for kind in self._kind.choices:
                own = Chosen(alpha, kind, self._extreme_amount(kind, end))
                cost = self._params(own, shapes)
                if cost < least if smallest else cost > least:
                    best, least = own, cost
        return best

    def _extreme_amount(self, kind: str, end: End) -> float | None:
        amount = self._amounts[kind]
        if amount is None:
            return None
        return amount.range.low if (kind == "low_rank") == (end == "smallest") else amount.range.high

    def _params(self, own: Chosen, shapes: Shapes) -> int:
        layers = self.layers(own, shapes)
        return sum(
            self._family.size(shapes[name], layers[name]).stored if name in layers else shapes[name].params
            for name in self.members
        )

    def _primaries(self, alpha: float, shapes: Shapes) -> int:
        """What the primary filters alone cost: no coefficients make a choice cheaper than this."""
        sizes = (shapes[name] for name in self.members)
        return sum(arithmetic.split(shape.out_channels, alpha)[0] * shape.filter_size for shape in sizes)

    def _steps(self, shapes: Shapes) -> list[float]:
        """Alphas in ascending order."""
        low, high = self._rule.alpha.low, self._rule.alpha.high
        steps = {low, high}
        for out in {shapes[name].out_channels for name in self.members}:
            for p in range(max(0, math.floor(low * out) - 1), math.ceil(high * out) + 1):
                tie = (p + 0.5) / out
                steps |= {p / out, math.nextafter(tie, 0), tie, math.nextafter(tie, 1)}
        return sorted(step for step in steps if low <= step <= high)

    def at_share(self, share: float, shapes: Shapes) -> dict[str, SpecT]:
        """This alpha with full coefficients."""
        return self.layers(Chosen(share, "full"), shapes)

    def allowed(self, share: float) -> float:
        """The nearest alpha."""
        return self._alpha.clip(share)

    def share(self, own: Chosen) -> float:
        """Alpha."""
        return own.alpha

    def keeping(self, share: float, rng: np.random.Generator) -> Chosen:
        """Mostly with full coefficients."""
        full = "full" in self._kind.choices and rng.random() < 0.7
        return self._with(self._whole(share), "full" if full else None, rng)

    def nudged(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """Another alpha, and half the time another amount."""
        alpha, value = self._whole(own.alpha * nudge(rng)), own.amount
        amount = self._amounts[own.coefficients]
        if amount is not None and value is not None and rng.random() < 0.5:
            sparse = own.coefficients == "sparse"  # what is kept moves, not what is zero
            moved = 1.0 - (1.0 - value) * nudge(rng) if sparse else value * nudge(rng)
            value = amount.clip(round(moved, _DIGITS))
        return Chosen(alpha, own.coefficients, value)

    def changed(self, own: Chosen, rng: np.random.Generator) -> Chosen:
        """Other coefficients."""
        return self._with(own.alpha, None, rng)

    def scaled(self, own: Chosen, factor: float) -> Chosen:
        """Another alpha."""
        return Chosen(self._whole(own.alpha * factor), own.coefficients, own.amount)

    def _with(self, alpha: float, kind: str | None, rng: np.random.Generator) -> Chosen:
        """Coefficients of a kind, drawn at random unless it is given."""
        kinds = self._kind.choices
        chosen = kind or kinds[int(rng.integers(len(kinds)))]
        amount = self._amounts[chosen]
        if amount is None:
            return Chosen(alpha, chosen)
        low, high = amount.range.low, amount.range.high
        share = float(rng.random())
        value = low * (high / low) ** share if amount.range.log else low + (high - low) * share
        return Chosen(alpha, chosen, amount.clip(round(value, _DIGITS)))

    def _whole(self, alpha: float) -> float:
        """The nearest alpha that is a whole number of the widest member's filters: so sizes are looked up."""
        return self._alpha.clip(round(alpha * self._filters) / self._filters)


def _may_make(kind: str, rank: int | None, sparsity: float | None) -> bool:
    """Whether a kind of coefficients may make a layer of this rank and sparsity; any may make full ones."""
    return kind == "sparse" if sparsity is not None else rank is None or kind == "low_rank"


def _alphas(shape: ConvShape, alpha: float) -> Suits:
    """Which alphas give a layer its number of primary filters."""
    suits = Suits.around(alpha, 1 / shape.out_channels)
    p, _ = arithmetic.split(shape.out_channels, alpha)
    return suits._replace(low=0.0) if p == 1 else suits  # less than 1 is raised to 1

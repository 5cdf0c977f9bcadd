"""One choice of the search, the convolutions that share it, and the way back from specs to choices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lcsearch.core.spec import LayerSpec
from lcsearch.layers import arithmetic
from lcsearch.layers.arithmetic import ConvShape
from lcsearch.search.space.parameters import Choice, Number, Trial
from lcsearch.search.space.ranges import Rank
from lcsearch.search.space.schema import LayerRule

Shapes = Mapping[str, ConvShape]
Layers = dict[str, LayerSpec]
_PLAIN = LayerSpec("conv")


class Pick(NamedTuple):
    """What a sampler chose for a group. A tuple, because samplers look thousands of them up per proposal.

    Attributes:
        alpha: Primary filters / all filters; None for a plain convolution.
        coefficients: The kind of coefficient matrix.
        amount: The rank, rank ratio or sparsity; None for full coefficients.
    """

    alpha: float | None = None
    coefficients: str = "full"
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Convolutions that share one choice.

    Attributes:
        name: What parameters are named after: ``features.8/alpha``.
        rule: What the convolutions may become.
        members: Their module names, in module order.
    """

    name: str
    rule: LayerRule
    members: tuple[str, ...]

    @property
    def kind(self) -> Choice:
        """Plain or LinearConv."""
        return Choice(f"{self.name}/kind", tuple(self.rule.kind))

    @property
    def alpha(self) -> Number:
        """The share of primary filters."""
        return Number(f"{self.name}/alpha", self.rule.alpha)

    @property
    def coefficients(self) -> Choice:
        """The kind of coefficient matrix."""
        return Choice(f"{self.name}/coefficients", tuple(self.rule.coefficients))

    def amount(self, coefficients: str) -> Number | None:
        """What else a kind of coefficient matrix asks for."""
        if coefficients == "low_rank":
            return Number(f"{self.name}/{'rank' if self.rule.rank else 'rank_ratio'}", self.rule.ranks)
        return Number(f"{self.name}/sparsity", self.rule.sparsity) if coefficients == "sparse" else None

    def parameters(self) -> Iterator[Choice | Number]:
        """Every parameter that the sampler can be asked for, those that depend on others included."""
        amounts = [self.amount(coefficients) for coefficients in self.rule.coefficients]
        for parameter in (self.kind, self.alpha, self.coefficients, *amounts):
            if parameter is not None and parameter.searched:
                yield parameter

    def suggest(self, trial: Trial, shrink: float) -> Pick:
        """Ask for a choice; the alpha is the sampled one times ``shrink``, but at least the rule's low."""
        if self.kind.suggest(trial) == "conv":
            return Pick()
        alpha = max(self.rule.alpha.low, self.alpha.suggest(trial) * shrink)
        coefficients = self.coefficients.suggest(trial)
        amount = self.amount(coefficients)
        return Pick(alpha, coefficients, None if amount is None else amount.suggest(trial))

    def values(self, pick: Pick, shrink: float) -> dict[str, float | str]:
        """The values of the parameters that make ``suggest`` return this choice."""
        if pick.alpha is None:
            return {self.kind.name: "conv"}
        values: dict[str, float | str] = {
            self.kind.name: "linear",
            self.alpha.name: self.alpha.clip(pick.alpha / shrink),
            self.coefficients.name: pick.coefficients,
        }
        amount = self.amount(pick.coefficients)
        if amount is not None and pick.amount is not None:
            values[amount.name] = pick.amount
        return values

    def layers(self, pick: Pick, shapes: Shapes) -> Layers:
        """The canonical specs of the members that a choice does not leave plain."""
        made = ((name, self.layer(pick, shapes[name])) for name in self.members)
        return {name: spec for name, spec in made if spec is not None}

    def layer(self, pick: Pick, shape: ConvShape) -> LayerSpec | None:
        """The canonical spec of one member; None for a plain convolution.

        A rank whose factors would cost as much as the full matrix is lowered until they do not; where no
        rank does, the coefficients are full.
        """
        if pick.alpha is None:
            return None
        p, s = arithmetic.split(shape.out_channels, pick.alpha)
        if s == 0:
            return None
        if pick.coefficients == "sparse":
            return arithmetic.canonical(shape, LayerSpec("linear", pick.alpha, None, pick.amount))
        rank = None
        if pick.coefficients == "low_rank" and pick.amount is not None:
            rank = self._rank(p, s, pick.amount)
        return arithmetic.canonical(shape, LayerSpec("linear", pick.alpha, rank))

    def _rank(self, p: int, s: int, amount: float) -> int | None:
        useful = arithmetic.max_useful_rank(p, s)
        if useful == 0:
            return None
        if isinstance(self.rule.ranks, Rank):
            return min(round(amount), useful)
        return min(arithmetic.resolve_rank(p, s, None, amount), useful)

    def params(self, pick: Pick, shapes: Shapes) -> int:
        """Parameters of the members under a choice."""
        return sum(
            arithmetic.params(shapes[name], self.layer(pick, shapes[name]) or _PLAIN) for name in self.members
        )

    def find(self, wanted: Layers, shapes: Shapes) -> Pick | None:
        """The choice that makes the members these canonical specs; None where there is none.

        Args:
            wanted: Canonical specs; a member that is left out is plain.
            shapes: The shapes of the members.
        """
        return next(
            (pick for pick in self._guesses(wanted, shapes) if self.layers(pick, shapes) == wanted), None
        )

    def _guesses(self, wanted: Layers, shapes: Shapes) -> Iterator[Pick]:
        if not wanted and "conv" in self.rule.kind:
            yield Pick()
        if "linear" not in self.rule.kind:
            return
        alphas = [_Suits.around(spec.alpha, 1 / shapes[name].out_channels) for name, spec in wanted.items()]
        for alpha in _between(self.alpha, alphas):
            for coefficients in self.rule.coefficients:
                amount = self.amount(coefficients)
                if amount is None:
                    yield Pick(alpha, coefficients)
                    continue
                for value in _between(amount, self._amounts(wanted, shapes, coefficients)):
                    yield Pick(alpha, coefficients, value)

    def _amounts(self, wanted: Layers, shapes: Shapes, coefficients: str) -> Iterator[_Suits]:
        """Per member, which amounts give its spec."""
        for name, spec in wanted.items():
            p, s = arithmetic.split(shapes[name].out_channels, spec.alpha)
            if coefficients == "sparse" and spec.sparsity is not None:
                yield _Suits.around(spec.sparsity, 1 / max(1, p * s))
            elif coefficients == "low_rank" and spec.rank is not None:
                r = spec.rank
                most = math.inf if r == arithmetic.max_useful_rank(p, s) else r + 1  # higher ones are lowered
                if self.rule.rank:
                    yield _Suits(r, r, most)
                else:  # and less than one is raised to one
                    yield _Suits((r + 0.5) / p, 0.0 if r == 1 else r / p, most / p)

    def extreme(self, shapes: Shapes, end: Literal["smallest", "largest"]) -> Pick:
        """The choice with the fewest or the most parameters."""
        smallest, plain = end == "smallest", self.params(Pick(), shapes)
        best, least = (Pick(), plain) if "conv" in self.rule.kind else (None, 0)
        for alpha in self._steps(shapes) if smallest else reversed(self._steps(shapes)):
            limit = self._primaries(alpha, shapes) if smallest else plain
            if "linear" not in self.rule.kind or (best and (least <= limit if smallest else least >= limit)):
                break
            for coefficients in self.rule.coefficients:
                pick = Pick(alpha, coefficients, self._extreme_amount(coefficients, end))
                cost = self.params(pick, shapes)
                if best is None or (cost < least if smallest else cost > least):
                    best, least = pick, cost
        return best or Pick()

    def _extreme_amount(self, coefficients: str, end: Literal["smallest", "largest"]) -> float | None:
        amount = self.amount(coefficients)
        if amount is None:
            return None
        return amount.range.low if (coefficients == "low_rank") == (end == "smallest") else amount.range.high

    def _primaries(self, alpha: float, shapes: Shapes) -> int:
        """What the members' primary filters alone cost: no coefficients make a choice cheaper than this."""
        total = 0
        for name in self.members:
            p, _ = arithmetic.split(shapes[name].out_channels, alpha)
            total += p * shapes[name].filter_size
        return total

    def _steps(self, shapes: Shapes) -> list[float]:
        """Alphas in ascending order, one at least for every combination of the members' splits."""
        low, high = self.rule.alpha.low, self.rule.alpha.high
        steps = {low, high}
        for out in {shapes[name].out_channels for name in self.members}:
            for p in range(max(0, math.floor(low * out) - 1), math.ceil(high * out) + 1):
                tie = (p + 0.5) / out
                steps |= {p / out, math.nextafter(tie, 0), tie, math.nextafter(tie, 1)}
        return sorted(step for step in steps if low <= step <= high)


class _Suits(NamedTuple):
    """Values of a number that give one spec.

    Attributes:
        value: One that does.
        low: The least that does, about.
        high: The greatest that does, about.
    """

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, width: float) -> _Suits:
        """An interval of a width about a value."""
        return cls(value, value - width / 2, value + width / 2)


def _between(number: Number, wanted: Iterable[_Suits]) -> list[float]:
    """Values to try for a number, the likeliest first: each wanted one, then what suits all, then the ends.

    Args:
        number: What the values are for.
        wanted: What each member asks for.
    """
    targets = list(dict.fromkeys(wanted))
    low = number.clip(max((target.low for target in targets), default=number.range.low))
    high = number.clip(min((target.high for target in targets), default=number.range.high))
    inside = [low + (high - low) * share for share in (0.5, 0.25, 0.75, 0.02, 0.98)]
    ends = [number.range.high, number.range.low]
    values = [number.clip(target.value) for target in targets] + inside + ends
    if number.range.__class__ is Rank:
        values = [round(value) for value in values]
    return list(dict.fromkeys(values))

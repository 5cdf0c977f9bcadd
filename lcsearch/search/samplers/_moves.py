"""Children of good models: mixed layer by layer, nudged, traded, resized, or drawn in a known good shape."""

from __future__ import annotations

import math

import numpy as np
from optuna.distributions import CategoricalDistribution

from lcsearch.search.samplers._draw import at_unit, unit_of
from lcsearch.search.samplers._layout import Genome, Layout, Shared
from lcsearch.search.space.groups import Pick

_STEPS = (0.1, 0.3, 0.8)
"""Standard deviations of a nudge to the logarithm of an alpha or a rank ratio; one is drawn."""

_DIGITS = 2
"""Of a sparsity or rank ratio: so sizes of layers come up again and are looked up, not worked out."""

_TRIES = 4
_NEAR = 0.01
_WIDEST_SHIFT = 5.0


class Moves:
    """Moves in a space.

    Args:
        layout: The space's genes.
        rng: Makes every choice.
    """

    def __init__(self, layout: Layout, rng: np.random.Generator) -> None:
        self._layout = layout
        self._rng = rng

    def fresh(self) -> Genome:
        """A point of the space at random."""
        return self._layout.drawn({}, lambda *_: float(self._rng.random()))

    def shaped(self, shared: Shared) -> Genome:
        """Small convolutions full, big ones thin: what hand-picking per layer arrives at.

        The share of primary filters falls with the logarithm of a convolution's size; how steeply, and
        from where, is drawn at random.
        """
        rng, sizes = self._rng, self._layout.log_sizes
        span = float(np.ptp(sizes))
        place = (sizes - sizes.min()) / span if span else np.ones_like(sizes)
        slope = -rng.uniform(0.0, 4.5) * place
        logs = -rng.uniform(0.0, 1.5) + slope + 0.3 * rng.standard_normal(len(sizes))
        picks = (self._pick(index, float(np.exp(min(log, 0.0)))) for index, log in enumerate(logs))
        return Genome(tuple(picks), shared)

    def child(self, parents: list[Genome], budget: tuple[float, float]) -> Genome:
        """One child.

        Args:
            parents: Good models, at least one.
            budget: Smallest and largest size that a resized child is drawn from.
        """
        first, second = (parents[int(i)] for i in self._rng.integers(len(parents), size=2))
        roll = self._rng.random()
        if roll < 0.3:
            return self.nudged(self.mixed(first, second))
        if roll < 0.6:
            return self.nudged(first)
        if roll < 0.8:
            return self.traded(first)
        size = float(np.exp(self._rng.uniform(*np.log(budget))))
        return self.resized(self.nudged(first), size, frozenset())

    def mixed(self, first: Genome, second: Genome) -> Genome:
        """Each layer from one of two parents: from either at random, or all up to a layer from one."""
        count = len(first.picks)
        if self._rng.random() < 0.5:
            take = self._rng.random(count) < 0.5
        else:
            take = np.arange(count) < self._rng.integers(0, count + 1)
        picks = tuple(a if t else b for a, b, t in zip(first.picks, second.picks, take, strict=True))
        return Genome(picks, first.shared if self._rng.random() < 0.5 else second.shared)

    def nudged(self, genome: Genome) -> Genome:
        """One to three layers moved, and now and then what is shared."""
        picks = list(genome.picks)
        count = min(len(picks), int(self._rng.integers(1, 4)))
        for index in self._rng.choice(len(picks), size=count, replace=False):
            picks[index] = self._nudge(int(index), picks[index])
        shared = self._nudge_shared(genome.shared) if self._rng.random() < 0.25 else genome.shared
        return Genome(tuple(picks), shared)

    def traded(self, genome: Genome) -> Genome:
        """One layer moved, the others resized so that the model keeps its size."""
        index = int(self._rng.integers(len(genome.picks)))
        picks = list(genome.picks)
        picks[index] = self._nudge(index, picks[index])
        moved = Genome(tuple(picks), genome.shared)
        return self.resized(moved, float(self._layout.params(genome)), frozenset({index}))

    def resized(self, genome: Genome, params: float, fixed: frozenset[int]) -> Genome:
        """Every alpha times one factor, so that the model comes as near as it can to a size.

        Args:
            genome: What is resized.
            params: The size that is aimed for.
            fixed: Layers that stay as they are.
        """
        goal = float(np.log(params))
        missing = goal - float(np.log(self._layout.params(genome)))
        low, high, best = -_WIDEST_SHIFT, _WIDEST_SHIFT, genome
        shift, last, off = 1.3 * missing, 0.0, missing
        for _ in range(_TRIES):
            best = self._shifted(genome, float(np.exp(shift)), fixed)
            left = goal - float(np.log(self._layout.params(best)))
            if abs(left) < _NEAR:
                break
            low, high = (shift, high) if left > 0 else (low, shift)
            slope = (off - left) / (shift - last) if shift != last else 0.0
            last, off = shift, left
            ahead = shift + left / slope if slope > 0.05 else (low + high) / 2
            shift = ahead if low < ahead < high else (low + high) / 2
        return best

    def _shifted(self, genome: Genome, factor: float, fixed: frozenset[int]) -> Genome:
        picks = list(genome.picks)
        for index, pick in enumerate(picks):
            if index not in fixed and pick.alpha is not None:
                alpha = self._clip(index, pick.alpha * factor)
                picks[index] = Pick(alpha, pick.coefficients, pick.amount)
        return Genome(tuple(picks), genome.shared)

    def _pick(self, index: int, alpha: float) -> Pick:
        """A pick with this share of primaries, mostly with full coefficients; plain where that is near 1."""
        rule = self._layout.groups[index].rule
        if "conv" in rule.kind and (alpha > 0.8 or "linear" not in rule.kind):
            return Pick()
        full = "full" in rule.coefficients and self._rng.random() < 0.7
        return self._coefficients(index, Pick(self._clip(index, alpha)), "full" if full else None)

    def _nudge(self, index: int, pick: Pick) -> Pick:
        rule = self._layout.groups[index].rule
        if pick.alpha is None:
            if "linear" not in rule.kind:
                return pick
            return self._pick(index, float(np.exp(-self._rng.exponential(1.0))))
        roll = self._rng.random()
        if roll < 0.1 and "conv" in rule.kind:
            return Pick()
        if roll < 0.25:
            return self._coefficients(index, pick, None)
        alpha, amount = self._clip(index, pick.alpha * self._factor()), pick.amount
        range_ = self._layout.amounts[index].get(pick.coefficients)
        if range_ is not None and amount is not None and self._rng.random() < 0.5:
            sparse = pick.coefficients == "sparse"  # what is kept moves, not what is zero
            moved = 1.0 - (1.0 - amount) * self._factor() if sparse else amount * self._factor()
            amount = range_.clip(round(moved, _DIGITS))
        return Pick(alpha, pick.coefficients, amount)

    def _coefficients(self, index: int, pick: Pick, kind: str | None) -> Pick:
        """The pick with other coefficients, of a kind drawn at random unless it is given."""
        allowed = self._layout.groups[index].rule.coefficients
        chosen = kind or allowed[int(self._rng.integers(len(allowed)))]
        amount = self._layout.amounts[index].get(chosen)
        if amount is None:
            return Pick(pick.alpha, chosen)
        low, high = amount.range.low, amount.range.high
        share = float(self._rng.random())
        value = low * (high / low) ** share if amount.range.log else low + (high - low) * share
        return Pick(pick.alpha, chosen, amount.clip(round(value, _DIGITS)))

    def _nudge_shared(self, shared: Shared) -> Shared:
        values = dict(shared)
        for name, value in shared:
            range_ = self._layout.ranges[name]
            if isinstance(range_, CategoricalDistribution):
                if self._rng.random() < 0.3:
                    values[name] = at_unit(range_, float(self._rng.random()))
            elif self._rng.random() < 0.7:
                step = float(self._rng.choice([0.05, 0.15, 0.4])) * float(self._rng.standard_normal())
                values[name] = at_unit(range_, unit_of(range_, value) + step)
        return self._layout.completed(values, lambda *_: float(self._rng.random()))

    def _factor(self) -> float:
        return math.exp(_STEPS[int(self._rng.integers(len(_STEPS)))] * float(self._rng.standard_normal()))

    def _clip(self, index: int, alpha: float) -> float:
        """An alpha of a whole number of primary filters, so that sizes are looked up."""
        return self._layout.alpha(index, alpha)

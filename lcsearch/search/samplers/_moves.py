"""Children of good models: mixed layer by layer, nudged, traded, resized, or drawn in a known good shape.

What a move means for a layer says the layer's family (``lcsearch.layers.offer``).
"""

from __future__ import annotations

import numpy as np
from optuna.distributions import CategoricalDistribution

from lcsearch.search.samplers._draw import at_unit, unit_of
from lcsearch.search.samplers._layout import Genome, Layout, Shared
from lcsearch.search.space.groups import PLAIN, Group, Pick

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

        The share that a layer keeps falls with the logarithm of its convolution's size; how steeply, and from
        where, is drawn at random.
        """
        rng, sizes = self._rng, self._layout.log_sizes
        span = float(np.ptp(sizes))
        place = (sizes - sizes.min()) / span if span else np.ones_like(sizes)
        slope = -rng.uniform(0.0, 4.5) * place
        logs = -rng.uniform(0.0, 1.5) + slope + 0.3 * rng.standard_normal(len(sizes))
        shares = np.exp(np.minimum(logs, 0.0)).tolist()
        picks = (self._pick(*one) for one in zip(self._layout.groups, shares, strict=True))
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
            picks[index] = self._nudge(self._layout.groups[index], picks[index])
        shared = self._nudge_shared(genome.shared) if self._rng.random() < 0.25 else genome.shared
        return Genome(tuple(picks), shared)

    def traded(self, genome: Genome) -> Genome:
        """One layer moved, the others resized so that the model keeps its size."""
        index = int(self._rng.integers(len(genome.picks)))
        picks = list(genome.picks)
        picks[index] = self._nudge(self._layout.groups[index], picks[index])
        moved = Genome(tuple(picks), genome.shared)
        return self.resized(moved, float(self._layout.params(genome)), frozenset({index}))

    def resized(self, genome: Genome, params: float, fixed: frozenset[int]) -> Genome:
        """Every layer scaled by one factor, so that the model comes as near as it can to a size.

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
        for index, (kind, own) in enumerate(picks):
            if index not in fixed and picks[index] != PLAIN:
                picks[index] = Pick(kind, self._layout.groups[index].offers[kind].scaled(own, factor))
        return Genome(tuple(picks), genome.shared)

    def _pick(self, group: Group, share: float) -> Pick:
        """A pick that keeps about this share of a layer; plain where that is near 1."""
        if group.may_be_plain and share > 0.8:
            return PLAIN
        kind = self._kind(group)
        return Pick(kind, group.offers[kind].keeping(share, self._rng))

    def _nudge(self, group: Group, pick: Pick) -> Pick:
        if pick == PLAIN:
            return self._pick(group, float(np.exp(-self._rng.exponential(1.0))))
        roll = self._rng.random()
        if roll < 0.1 and group.may_be_plain:
            return PLAIN
        if roll < 0.25:
            return self._changed(group, pick)
        return Pick(pick.family, group.offers[pick.family].nudged(pick.own, self._rng))

    def _changed(self, group: Group, pick: Pick) -> Pick:
        """Of another kind, maybe of another family, and about the same size."""
        kind, offer = self._kind(group), group.offers[pick.family]
        if kind != pick.family:
            return Pick(kind, group.offers[kind].keeping(offer.share(pick.own), self._rng))
        return Pick(kind, offer.changed(pick.own, self._rng))

    def _kind(self, group: Group) -> str:
        """A family that is not plain; drawn at random only where there is a choice."""
        kinds = list(group.offers)
        return kinds[0] if len(kinds) == 1 else kinds[int(self._rng.integers(len(kinds)))]

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

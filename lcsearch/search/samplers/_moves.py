"""Children of good models: mixed layer by layer, nudged, traded, resized, or drawn in a known good shape.

A child's choices are of layers and, counted on, of channels.
What a move means for a layer says the layer's family (``lcsearch.layers.offer``).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from optuna.distributions import CategoricalDistribution

from lcsearch.search.samplers._channel_moves import ChannelMoves
from lcsearch.search.samplers._draw import at_unit, unit_of
from lcsearch.search.samplers._layout import Genome, Layout, Shared
from lcsearch.search.space.groups import PLAIN, Group, Pick
from lcsearch.search.space.thin_sizes import Kept

_TRIES = 4
_NEAR, _NEAR_THIN = 0.01, 0.03
"""How near a size must be, as a logarithm: counts of channels are coarse."""
_WIDEST_SHIFT = 5.0
_MILDER = 0.5
"""Factor on how steeply layers are cut where channels go, too."""


class Moves:
    """Moves in a space.

    Args:
        layout: The space's genes.
        rng: Makes every choice.
    """

    def __init__(self, layout: Layout, rng: np.random.Generator) -> None:
        self._layout = layout
        self._rng = rng
        self._channels = ChannelMoves(layout.space.thinning, rng)

    def fresh(self) -> Genome:
        """A point of the space at random."""
        return self._layout.drawn({}, lambda *_: float(self._rng.random()))

    def shaped(self, shared: Shared) -> Genome:
        """Small convolutions full, big ones thin: what hand-picking per layer arrives at.

        The share that a layer keeps falls with the logarithm of its convolution's size; how steeply, and from
        where, is drawn at random. Where channels go too, both are cut mildly.
        """
        rng, sizes, kept = self._rng, self._layout.log_sizes, self._channels.shaped()
        if not len(sizes):
            return Genome((), kept, shared)
        mild = _MILDER if self._layout.choices else 1.0
        span = float(np.ptp(sizes))
        place = (sizes - sizes.min()) / span if span else np.ones_like(sizes)
        slope = -rng.uniform(0.0, 4.5 * mild) * place
        logs = -rng.uniform(0.0, 1.5 * mild) + slope + 0.3 * rng.standard_normal(len(sizes))
        shares = np.exp(np.minimum(logs, 0.0)).tolist()
        picks = (self._pick(*one) for one in zip(self._layout.groups, shares, strict=True))
        return Genome(tuple(picks), kept, shared)

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
        """Each layer from one of two parents: from either at random, or all up to a layer from one.

        Channels come with the layer that makes them.
        """
        homes = self._layout.homes
        count = len(first.picks) or len(homes)
        if self._rng.random() < 0.5:
            take = self._rng.random(count) < 0.5
        else:
            take = np.arange(count) < self._rng.integers(0, count + 1)
        picks = [a if t else b for a, b, t in zip(first.picks, second.picks, take, strict=False)]
        kept = self._channels.mixed(first.kept, second.kept, [bool(take[home]) for home in homes])
        return Genome(tuple(picks), kept, first.shared if self._rng.random() < 0.5 else second.shared)

    def nudged(self, genome: Genome) -> Genome:
        """One to three choices moved, of layers or channels, and now and then what is shared."""
        there = len(genome.picks) + len(self._layout.choices)
        count = min(there, int(self._rng.integers(1, 4)))
        for index in self._rng.choice(there, size=count, replace=False):
            genome = self._moved(genome, int(index))
        if self._rng.random() < 0.25:
            return Genome(genome.picks, genome.kept, self._nudge_shared(genome.shared))
        return genome

    def traded(self, genome: Genome) -> Genome:
        """One choice moved, the others resized so that the model keeps its size.

        Half of the trades are of channels against what becomes of the layers that have them. Where there are
        several families, a quarter makes all layers one of them.
        """
        if len(self._layout.space.families) > 1 and self._rng.random() < 0.25:
            return self.of_one_family(genome)
        if self._layout.choices and self._rng.random() < 0.5:
            return self.exchanged(genome)
        index = int(self._rng.integers(len(genome.picks) + len(self._layout.choices)))
        moved = self._moved(genome, index)
        return self.resized(moved, float(self._layout.size(genome)), frozenset({index}))

    def of_one_family(self, genome: Genome) -> Genome:
        """All layers but plain ones of one family, as far as they can be, the model as large as before."""
        kinds = self._layout.space.families
        kind, picks = kinds[int(self._rng.integers(len(kinds)))], list(genome.picks)
        for index, pick in enumerate(picks):
            if pick.family not in (PLAIN.family, kind) and kind in self._layout.groups[index].offers:
                picks[index] = self._of_family(index, pick, kind, genome.kept)
        moved = Genome(tuple(picks), genome.kept, genome.shared)
        return self.resized(moved, float(self._layout.size(genome)), frozenset())

    def exchanged(self, genome: Genome) -> Genome:
        """Channels of one choice moved, the layers that make or read them resized for it, plain ones too."""
        count = len(genome.picks)
        index = int(self._rng.integers(len(self._layout.choices)))
        touched = self._layout.touched[index]
        picks = list(genome.picks)
        for place in touched:
            if picks[place] == PLAIN:
                picks[place] = self._cut(self._layout.groups[place], 1.0)
        kept = self._channels.nudged(genome.kept, index)
        fixed = frozenset(range(count + len(self._layout.choices))) - touched
        moved = Genome(tuple(picks), kept, genome.shared)
        return self.resized(moved, float(self._layout.size(genome)), fixed or frozenset({count + index}))

    def resized(self, genome: Genome, params: float, fixed: frozenset[int]) -> Genome:
        """Every choice scaled by one factor, so that the model comes as near as it can to a size.

        Where channels and layers can both be scaled, which of them does how much is drawn at random.

        Args:
            genome: What is resized.
            params: The size that is aimed for.
            fixed: Choices that stay as they are: layers, then, counted on, channels.
        """
        goal = float(np.log(params))
        missing = goal - float(np.log(self._layout.size(genome)))
        low, high = -_WIDEST_SHIFT, _WIDEST_SHIFT
        shift, last, off = 1.3 * missing, 0.0, missing
        scale, tried = self._scaling(genome, fixed), list[tuple[float, Genome]]()
        thins = bool(self._layout.choices)
        for _ in range(_TRIES):
            found = scale(shift)
            left = goal - float(np.log(self._layout.size(found)))
            tried.append((abs(left), found))
            if abs(left) < (_NEAR_THIN if thins else _NEAR):
                break
            low, high = (shift, high) if left > 0 else (low, shift)
            slope = (off - left) / (shift - last) if shift != last else 0.0
            last, off = shift, left
            ahead = shift + left / slope if slope > 0.05 else (low + high) / 2
            shift = ahead if low < ahead < high else (low + high) / 2
        # Without channels the last one, as before there were any: so a seed means the same search.
        return min(tried, key=lambda one: one[0])[1] if thins else tried[-1][1]

    def _scaling(self, genome: Genome, fixed: frozenset[int]) -> Callable[[float], Genome]:
        """Makes of a logarithm the genome whose layers are about so many times as large."""
        count, groups = len(genome.picks), self._layout.groups
        layers = [n for n, pick in enumerate(genome.picks) if n not in fixed and pick != PLAIN]
        thins = any(count + n not in fixed for n in range(len(self._layout.choices)))
        part = (float(self._rng.random()) if layers else 0.0) if thins else 1.0
        whole = {index - count for index in fixed}

        def scaled(shift: float) -> Genome:
            picks, factor = list(genome.picks), float(np.exp(part * shift))
            for index in layers:
                kind, own = picks[index]
                picks[index] = Pick(kind, groups[index].offers[kind].scaled(own, factor))
            # Half of the logarithm: a layer has the channels that it makes and those that it reads.
            kept = self._channels.scaled(genome.kept, float(np.exp((1 - part) * shift / 2)), whole)
            return Genome(tuple(picks), kept, genome.shared)

        return scaled

    def _moved(self, genome: Genome, index: int) -> Genome:
        """One choice nudged: a layer, or, counted on, channels."""
        count = len(genome.picks)
        if index >= count:
            return Genome(genome.picks, self._channels.nudged(genome.kept, index - count), genome.shared)
        picks = list(genome.picks)
        picks[index] = self._nudge(index, picks[index], genome.kept)
        return Genome(tuple(picks), genome.kept, genome.shared)

    def _pick(self, group: Group, share: float) -> Pick:
        """A pick that keeps about this share of a layer; plain where that is near 1."""
        if group.may_be_plain and share > 0.8:
            return PLAIN
        return self._cut(group, share)

    def _cut(self, group: Group, share: float) -> Pick:
        kind = self._kind(group)
        return Pick(kind, group.offers[kind].keeping(share, self._rng))

    def _nudge(self, index: int, pick: Pick, kept: Kept) -> Pick:
        group = self._layout.groups[index]
        if pick == PLAIN:
            return self._pick(group, float(np.exp(-self._rng.exponential(1.0))))
        roll = self._rng.random()
        if roll < 0.1 and group.may_be_plain:
            return PLAIN
        if roll < 0.25:
            kind = self._kind(group)
            if kind != pick.family:
                return self._of_family(index, pick, kind, kept)
            return Pick(kind, group.offers[kind].changed(pick.own, self._rng))
        return Pick(pick.family, group.offers[pick.family].nudged(pick.own, self._rng))

    def _of_family(self, index: int, pick: Pick, kind: str, kept: Kept) -> Pick:
        """A pick of another family that is about as large; what families call a share is not the same."""
        offers = self._layout.groups[index].offers
        goal = self._layout.size_of(index, pick, kept)
        own = offers[kind].keeping(offers[pick.family].share(pick.own), self._rng)
        tried = list[tuple[float, Pick]]()
        for _ in range(_TRIES):
            size = self._layout.size_of(index, Pick(kind, own), kept)
            off = math.log(goal / size)
            tried.append((abs(off), Pick(kind, own)))
            if abs(off) < _NEAR:
                break
            own = offers[kind].scaled(own, math.exp(off))
        return min(tried, key=lambda one: one[0])[1]

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

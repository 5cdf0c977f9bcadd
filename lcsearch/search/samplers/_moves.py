"""Children of good models: mixed layer by layer, nudged, traded, resized, or drawn in a known good shape.

A child's choices are of layers and, counted on, of channels.
What a move means for a layer says ``_layer_moves``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from optuna.distributions import CategoricalDistribution

from lcsearch.search.samplers._channel_moves import ChannelMoves
from lcsearch.search.samplers._draw import at_unit, one_of, unit_of
from lcsearch.search.samplers._layer_moves import NEAR, TRIES, LayerMoves
from lcsearch.search.samplers._layout import Genome, Layout, Shared
from lcsearch.search.space.groups import PLAIN

_NEAR_THIN = 0.03
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
        self._layers = LayerMoves(rng)

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
        picks = (self._layers.keeping(*one) for one in zip(self._layout.groups, shares, strict=True))
        return Genome(tuple(picks), kept, shared)

    def child(self, parents: list[Genome], budget: tuple[float, float]) -> Genome:
        """One child.

        Args:
            parents: Good models, at least one.
            budget: Smallest and largest size that a resized child is drawn from.
        """
        first, second = one_of(parents, self._rng), one_of(parents, self._rng)
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
        both = zip(first.picks, second.picks, take, strict=False)
        picks = [self._layers.mixed(a, b) if t else self._layers.mixed(b, a) for a, b, t in both]
        kept = self._channels.mixed(first.kept, second.kept, [bool(take[home]) for home in homes])
        return Genome(tuple(picks), kept, first.shared if self._rng.random() < 0.5 else second.shared)

    def nudged(self, genome: Genome) -> Genome:
        """One to three choices moved, of layers or channels, and now and then what is shared."""
        there = len(genome.picks) + len(self._layout.choices)
        for index in self._rng.permutation(there)[: one_of((1, 2, 3), self._rng)].tolist():
            genome = self._moved(genome, index)
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
        index = one_of(range(len(genome.picks) + len(self._layout.choices)), self._rng)
        moved = self._moved(genome, index)
        return self.resized(moved, float(self._layout.size(genome)), frozenset({index}))

    def of_one_family(self, genome: Genome) -> Genome:
        """All layers but plain ones of one family, as far as they can be, the model as large as before."""
        kinds = self._layout.space.families
        kind = one_of(kinds, self._rng)
        both = zip(self._layout.genes, genome.picks, strict=True)
        picks = [self._layers.as_family(gene, pick, kind, genome.kept) for gene, pick in both]
        moved = Genome(tuple(picks), genome.kept, genome.shared)
        return self.resized(moved, float(self._layout.size(genome)), frozenset())

    def exchanged(self, genome: Genome) -> Genome:
        """Channels of one choice moved, the layers that make or read them resized for it, plain ones too."""
        count = len(genome.picks)
        index = one_of(range(len(self._layout.choices)), self._rng)
        touched = self._layout.touched[index]
        picks = list(genome.picks)
        for place in touched:
            picks[place] = self._layers.none_plain(self._layout.groups[place], picks[place])
        kept = self._channels.nudged(genome.kept, index)
        fixed = frozenset(range(count + len(self._layout.choices))) - touched
        moved = Genome(tuple(picks), kept, genome.shared)
        return self.resized(moved, float(self._layout.size(genome)), fixed)

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
        for _ in range(TRIES):
            found = scale(shift)
            left = goal - float(np.log(self._layout.size(found)))
            tried.append((abs(left), found))
            if abs(left) < (_NEAR_THIN if thins else NEAR):
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
                picks[index] = groups[index].scaled(picks[index], factor)
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
        picks[index] = self._layers.nudged(self._layout.genes[index], picks[index], genome.kept)
        return Genome(tuple(picks), genome.kept, genome.shared)

    def _nudge_shared(self, shared: Shared) -> Shared:
        values = dict(shared)
        for name, value in shared:
            range_ = self._layout.ranges[name]
            if isinstance(range_, CategoricalDistribution):
                if self._rng.random() < 0.3:
                    values[name] = at_unit(range_, float(self._rng.random()))
            elif self._rng.random() < 0.7:
                step = one_of((0.05, 0.15, 0.4), self._rng) * float(self._rng.standard_normal())
                values[name] = at_unit(range_, unit_of(range_, value) + step)
        return self._layout.completed(values, lambda *_: float(self._rng.random()))

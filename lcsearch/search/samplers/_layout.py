"""A bound space as genes: one per choice over convolutions and over channels, with sizes and looks.

A gene is a choice that a spec was made by, so genes of different trials mix freely. Sizes are known in
closed form: hundreds of children are weighed without building a model.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution

from lcsearch.core.spec import Recipe, Regularizer, TrialSpec
from lcsearch.layers import lookup
from lcsearch.search.samplers._draw import Draw, Unit, holds, unit_of
from lcsearch.search.samplers._genes import Gene, Look, block, make_room
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import PLAIN, Layers, Pick
from lcsearch.search.space.thin_sizes import Kept
from lcsearch.search.space.thinning import ChannelChoice

Shared = tuple[tuple[str, Any], ...]
Proposed = tuple[dict[str, Any], dict[str, BaseDistribution]]

_WEIGHT = "regularizer/weight"
_ROOM = 2_000


@dataclass(frozen=True, slots=True)
class Genome:
    """One point of the space.

    Attributes:
        picks: One per choice over convolutions, in the space's order.
        kept: Channels that stay, one number per group of channels of the net.
        shared: What all layers share, by parameter: regularizer, recipe.
    """

    picks: tuple[Pick, ...]
    kept: Kept
    shared: Shared


class Layout:
    """Genes of a space.

    Args:
        space: What is searched.
    """

    def __init__(self, space: BoundSpace) -> None:
        self.space = space
        self.groups, self.choices = space.groups, space.thinning.choices
        self._shared = [p for p in space.common.parameters if p.name != space.common.shrink.name]
        asked = Draw({}, lambda *_: 0.5)
        for parameter in self._shared:
            parameter.suggest(asked)
        self.ranges = asked.distributions
        families = [lookup.family(kind) for kind in space.families]
        self.block = block(families)
        self.genes = [Gene(group, space.thinning, families) for group in self.groups]
        self.touched = [_touched(self.genes, choice) for choice in self.choices]
        """By choice of channels: the layers whose shapes it decides."""
        self.homes = _homes(space)
        """By choice of channels: the layer with which it is inherited."""
        self._known_shared: dict[Shared, list[float]] = {}
        self._others: dict[Kept, int] = {}
        self._last: tuple[Genome, list[Look]] | None = None
        shapes = space.shapes(space.thinning.most)
        searched = {name for group in self.groups for name in group.members}
        self._unsearched = [name for name in shapes if name not in searched]
        self.log_sizes = np.log([shapes[group.members[0]].params for group in self.groups])
        self.params_low = float(space.params(space.smallest()))
        self.params_high = float(space.params(space.largest()))

    def drawn(self, given: Mapping[str, Any], unit: Unit) -> Genome:
        """The genome of given parameters; what they lack comes from ``unit``."""
        draw = Draw(given, unit)
        kept, chosen = self.space.choices(draw)
        self.space.common.suggest(draw, Recipe())
        genes = zip(self.genes, chosen, strict=True)
        picks = [gene.find(gene.layers(pick, kept), kept) or PLAIN for gene, pick in genes]
        return Genome(tuple(picks), kept, self.completed(draw.params, unit))

    def completed(self, given: Mapping[str, Any], unit: Unit) -> Shared:
        """What all layers share, from given parameters; what they lack comes from ``unit``."""
        draw = Draw(given, unit)
        for parameter in self._shared:
            if parameter.name != _WEIGHT or draw.params.get("regularizer") != "off":
                parameter.suggest(draw)
        return tuple(draw.params.items())

    def params(self, genome: Genome) -> int:
        """Parameters of the whole model."""
        return sum([look.params for look in self._look(genome)]) + self._rest(genome.kept)

    def size(self, genome: Genome) -> int:
        """As `params`, for a genome that only its size is asked of."""
        kept = genome.kept
        own = [gene.params(pick, kept) for gene, pick in zip(self.genes, genome.picks, strict=True)]
        return sum(own) + self._rest(kept)

    def features(self, genome: Genome) -> np.ndarray:
        """Per convolution, per choice of channels, then for what is shared.

        Returns:
            (convolutions · block + choices + shared · 2,) numbers.
        """
        numbers: list[float] = []
        for look in self._look(genome):
            numbers += look.features
        for choice in self.choices:
            numbers.append(math.log(genome.kept[choice.members[0]] / choice.sizes[0]))
        return np.array(numbers + self._shared_features(genome.shared))

    def key(self, genome: Genome) -> int:
        """A number that genomes share when they build the same model and train it the same way."""
        looks = self._look(genome)
        layers = tuple([look.built for look in looks])
        train = tuple([one for one in genome.shared if one[0].startswith("train/")])
        regularized = any(look.regularized for look in looks)
        weight = float(f"{self._weight(genome):.4g}") if regularized else 0.0
        return hash((genome.kept, layers, weight, train))

    def proposal(self, genome: Genome) -> Proposed | None:
        """The parameters that mean a genome, and their ranges; None where the space cannot express it."""
        layers, picks = Layers(), list[Pick]()
        for gene, chosen in zip(self.genes, genome.picks, strict=True):
            own = gene.layers(chosen, genome.kept)
            pick = gene.find(own, genome.kept)
            if pick is None:
                return None
            layers |= own
            picks.append(pick)
        train = {n.removeprefix("train/"): value for n, value in genome.shared if n.startswith("train/")}
        recipe = replace(Recipe(), **self.space.fixed, **train)
        model = self.space.model(genome.kept, layers)
        return self.space.answers(TrialSpec(model, Regularizer(self._weight(genome)), recipe), picks)

    @property
    def convolutions(self) -> int:
        """Convolutions that have features."""
        return sum(len(group.members) for group in self.groups)

    def _weight(self, genome: Genome) -> float:
        shared = dict(genome.shared)
        if shared.get("regularizer", "on") == "off":
            return 0.0
        return float(shared.get(_WEIGHT, self.space.space.regularizer.weight.low))

    def _shared_features(self, shared: Shared) -> list[float]:
        """Where each of what is shared lies; most children have it of their parents."""
        found = self._known_shared.get(shared)
        if found is None:
            make_room(self._known_shared, _ROOM)
            values, found = dict(shared), list[float]()
            for name, range_ in self.ranges.items():
                there = name in values and holds(range_, values[name])
                found += [float(there), unit_of(range_, values[name]) - 0.5 if there else 0.0]
            self._known_shared[shared] = found
        return found

    def _look(self, genome: Genome) -> list[Look]:
        """What each pick means; of the last genome it is known."""
        if self._last is not None and self._last[0] is genome:
            return self._last[1]
        kept = genome.kept
        found = [gene.look(pick, kept) for gene, pick in zip(self.genes, genome.picks, strict=True)]
        self._last = genome, found
        return found

    def _rest(self, kept: Kept) -> int:
        """Parameters outside the convolutions that are searched."""
        found = self._others.get(kept)
        if found is None:
            make_room(self._others, _ROOM)
            thinning = self.space.thinning
            own = sum([thinning.shape(name, kept).params for name in self._unsearched])
            found = self._others[kept] = own + thinning.other_params(kept)
        return found


def _touched(genes: Sequence[Gene], choice: ChannelChoice) -> frozenset[int]:
    members = set(choice.members)
    return frozenset(n for n, gene in enumerate(genes) if members & set(gene.places))


def _homes(space: BoundSpace) -> list[int]:
    """The choice of the convolution that makes the channels, or of the last one before; else of the first.

    Where no convolution is searched, each choice of channels is inherited by itself.
    """
    thinning = space.thinning
    if not space.groups:
        return list(range(len(thinning.choices)))
    order = {name: place for place, name in enumerate(space.shapes(thinning.most))}
    starts = [order[group.members[0]] for group in space.groups]
    makers = [thinning.groups[choice.members[0]].name for choice in thinning.choices]
    # What is no convolution stands behind them all, as classifiers do.
    return [max(0, bisect_right(starts, order.get(name, len(order))) - 1) for name in makers]


_layouts: dict[int, Layout] = {}


def layout_of(space: BoundSpace) -> Layout:
    """The layout of a space: made once, though every trial has a fresh sampler."""
    found = _layouts.get(id(space))
    if found is None or found.space is not space:
        if len(_layouts) > 8:
            _layouts.clear()
        found = _layouts[id(space)] = Layout(space)
    return found

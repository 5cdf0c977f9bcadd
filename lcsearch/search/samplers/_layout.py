"""A bound space as genes, one per choice over convolutions, with what each costs and how it looks.

A gene is a choice that a spec was made by, so genes of different trials mix freely. Sizes are known in
closed form: hundreds of children are weighed without building a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution

from lcsearch.core.spec import LayerSpec, Recipe, Regularizer, TrialSpec
from lcsearch.layers import lookup
from lcsearch.layers.shape import ConvShape
from lcsearch.search.samplers._draw import Draw, Unit, holds, unit_of
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import PLAIN, Group, Layers, Pick
from lcsearch.search.space.thin_sizes import Kept

Shared = tuple[tuple[str, Any], ...]
Proposed = tuple[dict[str, Any], dict[str, BaseDistribution]]

_SHARED = ("regularizer", "train")
_CHANNELS = "/channels"
_WEIGHT = "regularizer/weight"
_ROOM = 20_000
_THINNINGS = 16


@dataclass(frozen=True, slots=True)
class Genome:
    """One point of the space.

    Attributes:
        picks: One per group, in the space's order.
        shared: What is not a pick, by parameter: regularizer, recipe, channels.
    """

    picks: tuple[Pick, ...]
    shared: Shared


@dataclass(frozen=True, slots=True)
class Look:
    """What a pick means for so many channels.

    Attributes:
        params: Size of all members.
        features: What the surrogate knows them by.
        built: A number that picks share when they make the same layers; 0 where all are plain.
    """

    params: int
    features: tuple[float, ...]
    built: int


class _Looks(dict[Pick, Look]):
    """What the picks of one group mean for so many channels, each worked out when it is first looked up."""

    def __init__(self, work_out: Callable[[Pick], Look]) -> None:
        self._work_out = work_out

    def __missing__(self, pick: Pick) -> Look:
        _make_room(self)
        self[pick] = look = self._work_out(pick)
        return look


class Layout:
    """Genes of a space.

    Args:
        space: What is searched.
    """

    def __init__(self, space: BoundSpace) -> None:
        self.space = space
        self.groups = space.groups
        self._shared = [
            p for p in space.parameters if p.name.split("/")[0] in _SHARED or p.name.endswith(_CHANNELS)
        ]
        asked = Draw({}, lambda *_: 0.5)
        for parameter in self._shared:
            parameter.suggest(asked)
        self.ranges = asked.distributions
        self._looks: dict[Kept, list[_Looks]] = {}
        self._picks: dict[tuple[Any, ...], Pick | None] = {}
        self._others: dict[Kept, int] = {}
        self._last: tuple[Genome, Kept, list[Look]] | None = None
        self._families = [lookup.family(kind) for kind in space.families]
        self.block = 1 + sum(family.features for family in self._families)
        """Features of a convolution: the logarithm of what it keeps, then each family's own."""
        widest = space.shapes(space.thinning.most)
        self.log_sizes = np.log([widest[group.members[0]].params for group in self.groups])
        self.params_low = float(space.params(space.smallest()))
        self.params_high = float(space.params(space.largest()))

    def drawn(self, given: Mapping[str, Any], unit: Unit) -> Genome:
        """The genome of given parameters; what they lack comes from ``unit``."""
        draw = Draw(given, unit)
        model = self.space.suggest(draw).model
        kept = self.space.thinning.counts(model.channels)
        picks = []
        for index, group in enumerate(self.groups):
            own = {name: model.layers[name] for name in group.members if name in model.layers}
            picks.append(self._pick(index, own, kept) or PLAIN)
        channels = self.space.thinning.answers(kept, 1.0) or {}
        return Genome(tuple(picks), self.completed(draw.params | channels, unit))

    def completed(self, given: Mapping[str, Any], unit: Unit) -> Shared:
        """What all layers share, from given parameters; what they lack comes from ``unit``."""
        draw = Draw(given, unit)
        for parameter in self._shared:
            if parameter.name != _WEIGHT or draw.params.get("regularizer") != "off":
                parameter.suggest(draw)
        return tuple(draw.params.items())

    def kept(self, genome: Genome) -> Kept:
        """The channels that a genome keeps."""
        return self.space.thinning.suggest(Draw(dict(genome.shared), lambda *_: 0.5), 1.0)

    def params(self, genome: Genome) -> int:
        """Parameters of the whole model."""
        kept, looks = self._look(genome)
        return sum([look.params for look in looks]) + self._unsearched(kept)

    def features(self, genome: Genome) -> np.ndarray:
        """Per convolution, then for what is shared: (convolutions · block + shared · 2,)."""
        numbers: list[float] = []
        for look in self._look(genome)[1]:
            numbers += look.features
        shared = dict(genome.shared)
        for name, range_ in self.ranges.items():
            there = name in shared and holds(range_, shared[name])
            numbers += [float(there), unit_of(range_, shared[name]) - 0.5 if there else 0.0]
        return np.array(numbers)

    def key(self, genome: Genome) -> int:
        """A number that genomes share when they build the same model and train it the same way."""
        kept, looks = self._look(genome)
        layers = tuple([look.built for look in looks])
        train = tuple([one for one in genome.shared if one[0].startswith("train/")])
        weight = float(f"{self._weight(genome):.4g}") if any(layers) else 0.0
        return hash((kept, layers, weight, train))

    def proposal(self, genome: Genome) -> Proposed | None:
        """The parameters that mean a genome, and their ranges; None where the space cannot express it."""
        kept = self.kept(genome)
        shapes, layers, picks = self.space.shapes(kept), Layers(), list[Pick]()
        for index, chosen in enumerate(genome.picks):
            own = self.groups[index].layers(chosen, shapes)
            pick = self._pick(index, own, kept)
            if pick is None:
                return None
            layers |= own
            picks.append(pick)
        train = {n.removeprefix("train/"): value for n, value in genome.shared if n.startswith("train/")}
        recipe = replace(Recipe(), **self.space.fixed, **train)
        model = self.space.model(kept, layers)
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

    def _look(self, genome: Genome) -> tuple[Kept, list[Look]]:
        """The channels that a genome keeps, and what each pick means; worked out once per pick."""
        if self._last is not None and self._last[0] is genome:
            return self._last[1:]
        kept = self.kept(genome)
        if kept not in self._looks:
            _make_room(self._looks, _THINNINGS)
            self._looks[kept] = [_Looks(partial(self._work_out, group, kept)) for group in self.groups]
        found = [looks[pick] for looks, pick in zip(self._looks[kept], genome.picks, strict=True)]
        self._last = genome, kept, found
        return kept, found

    def _work_out(self, group: Group, kept: Kept, pick: Pick) -> Look:
        shapes = self.space.shapes(kept)
        layers = group.layers(pick, shapes)
        sizes = group.sizes(layers, shapes)
        features: list[float] = []
        for name in group.members:
            features += self._features(shapes[name], layers.get(name), sizes[name])
        made = tuple([(name, spec.family, spec) for name, spec in layers.items()])
        return Look(sum(sizes.values()), tuple(features), hash(made) if made else 0)

    def _features(self, shape: ConvShape, spec: LayerSpec | None, size: int) -> list[float]:
        if spec is None:
            return [0.0] * self.block
        numbers = [math.log(max(1, size) / shape.params)]
        for family in self._families:
            own = family.name == spec.family
            numbers += family.describe(shape, spec) if own else (0.0,) * family.features
        return numbers

    def _pick(self, index: int, layers: Layers, kept: Kept) -> Pick | None:
        """The choice of a group that makes its layers; None where there is none."""
        key = (index, kept, *layers.items())
        if key not in self._picks:
            _make_room(self._picks)
            self._picks[key] = self.groups[index].find(layers, self.space.shapes(kept))
        return self._picks[key]

    def _unsearched(self, kept: Kept) -> int:
        if kept not in self._others:
            searched = {name for group in self.groups for name in group.members}
            shapes = self.space.shapes(kept)
            own = sum(shape.params for name, shape in shapes.items() if name not in searched)
            self._others[kept] = own + self.space.thinning.other_params(kept)
        return self._others[kept]


_layouts: dict[int, Layout] = {}


def layout_of(space: BoundSpace) -> Layout:
    """The layout of a space: made once, though every trial has a fresh sampler."""
    found = _layouts.get(id(space))
    if found is None or found.space is not space:
        if len(_layouts) > 8:
            _layouts.clear()
        found = _layouts[id(space)] = Layout(space)
    return found


def _make_room(memory: dict[Any, Any], room: int = _ROOM) -> None:
    if len(memory) > room:
        memory.clear()

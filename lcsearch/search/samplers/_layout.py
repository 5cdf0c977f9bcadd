"""A bound space as genes, one per choice over convolutions, with what each costs and how it looks.

A gene is a choice that a spec was made by, so genes of different trials mix freely. Sizes are known in
closed form: hundreds of children are weighed without building a model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution

from lcsearch.core.spec import LayerSpec, ModelSpec, Regularizer
from lcsearch.layers import arithmetic
from lcsearch.layers.arithmetic import ConvShape
from lcsearch.search.samplers._draw import Draw, Unit, holds, unit_of
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import Pick

FEATURES = 4
"""Per convolution: log kept share, log alpha, log rank share, log density."""

Shared = tuple[tuple[str, Any], ...]
Proposed = tuple[dict[str, Any], dict[str, BaseDistribution]]

_SHARED = ("width", "regularizer", "train")
_PLAIN = LayerSpec("conv")
_WEIGHT = "regularizer/weight"
_ROOM = 20_000
_WIDTHS = 16


@dataclass(frozen=True, slots=True)
class Genome:
    """One point of the space.

    Attributes:
        picks: One per group, in the space's order.
        shared: What all layers share, by parameter: width, regularizer, recipe.
    """

    picks: tuple[Pick, ...]
    shared: Shared


@dataclass(frozen=True, slots=True)
class Look:
    """What a pick means at a width: its size, its features, and a number for the layers that it builds."""

    params: int
    features: tuple[float, ...]
    built: int


class Layout:
    """Genes of a space.

    Args:
        space: What is searched.
    """

    def __init__(self, space: BoundSpace) -> None:
        self.space = space
        self.groups = space.groups
        self._shared = [p for p in space.parameters if p.name.split("/")[0] in _SHARED]
        asked = Draw({}, lambda *_: 0.5)
        for parameter in self._shared:
            parameter.suggest(asked)
        self.ranges = asked.distributions
        self._looks: dict[float, list[dict[Pick, Look]]] = {}
        self._picks: dict[tuple[Any, ...], Pick] = {}
        self._others: dict[float, int] = {}
        self._plain: dict[tuple[str, float], int] = {}
        self._last: tuple[Genome, float, list[Look]] | None = None
        kinds = ("full", "low_rank", "sparse")
        self.amounts = [{kind: group.amount(kind) for kind in kinds} for group in self.groups]
        widest = space.shapes(space.width.values[-1])
        self._filters = [max(widest[name].out_channels for name in group.members) for group in self.groups]
        self._alphas = [(group.alpha.range.low, group.alpha.range.high) for group in self.groups]
        self.log_sizes = np.log([_params(widest[group.members[0]], _PLAIN) for group in self.groups])
        self.params_low = float(space.params(space.smallest()))
        self.params_high = float(space.params(space.largest()))

    def drawn(self, given: Mapping[str, Any], unit: Unit) -> Genome:
        """The genome of given parameters; what they lack comes from ``unit``."""
        draw = Draw(given, unit)
        model = self.space.suggest(draw).model
        shapes = self.space.shapes(model.width)
        picks = []
        for index, group in enumerate(self.groups):
            own = {name: model.layers[name] for name in group.members if name in model.layers}
            key = (index, model.width, *own.items())
            if key not in self._picks:
                _make_room(self._picks)
                self._picks[key] = group.find(own, shapes) or Pick()
            picks.append(self._picks[key])
        return Genome(tuple(picks), self.completed(draw.params, unit))

    def completed(self, given: Mapping[str, Any], unit: Unit) -> Shared:
        """What all layers share, from given parameters; what they lack comes from ``unit``."""
        draw = Draw(given, unit)
        for parameter in self._shared:
            if parameter.name != _WEIGHT or draw.params.get("regularizer") != "off":
                parameter.suggest(draw)
        return tuple(draw.params.items())

    def width(self, genome: Genome) -> float:
        """The width that a genome means."""
        if "width" not in self.ranges:
            return self.space.width.values[-1]
        return self.space.width.suggest(Draw(dict(genome.shared), lambda *_: 0.5))

    def alpha(self, index: int, wanted: float) -> float:
        """The nearest share of primary filters that a group's widest member can have."""
        low, high = self._alphas[index]
        return min(max(round(wanted * self._filters[index]) / self._filters[index], low), high)

    def params(self, genome: Genome) -> int:
        """Parameters of the whole model."""
        width, looks = self._look(genome)
        return sum([look.params for look in looks]) + self._unsearched(width)

    def features(self, genome: Genome) -> np.ndarray:
        """Per convolution, then for what is shared: (convolutions · FEATURES + shared · 2,)."""
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
        width, looks = self._look(genome)
        layers = tuple([look.built for look in looks])
        train = tuple((name, value) for name, value in genome.shared if name.startswith("train/"))
        weight = float(f"{self._weight(genome):.4g}") if any(layers) else 0.0
        return hash((width, layers, weight, train))

    def proposal(self, genome: Genome) -> Proposed | None:
        """The parameters that mean a genome, and their ranges; None where the space cannot express it."""
        width = self.width(genome)
        shapes, layers = self.space.shapes(width), dict[str, LayerSpec]()
        for group, pick in zip(self.groups, genome.picks, strict=True):
            layers |= group.layers(pick, shapes)
        model: ModelSpec = replace(self.space.template, width=width, layers=layers)
        train = {n.removeprefix("train/"): value for n, value in genome.shared if n.startswith("train/")}
        return self.space.encode(model, Regularizer(self._weight(genome)), train)

    @property
    def convolutions(self) -> int:
        """Convolutions that have features."""
        return sum(len(group.members) for group in self.groups)

    def _weight(self, genome: Genome) -> float:
        shared = dict(genome.shared)
        if shared.get("regularizer", "on") == "off":
            return 0.0
        return float(shared.get(_WEIGHT, self.space.space.regularizer.weight.low))

    def _look(self, genome: Genome) -> tuple[float, list[Look]]:
        """The width, and what each pick means; worked out once per pick."""
        if self._last is not None and self._last[0] is genome:
            return self._last[1:]
        width = self.width(genome)
        if width not in self._looks:
            _make_room(self._looks, _WIDTHS)
            self._looks[width] = [{} for _ in self.groups]
        found = []
        for index, (pick, known) in enumerate(zip(genome.picks, self._looks[width], strict=True)):
            look = known.get(pick)
            if look is None:
                _make_room(known)
                look = known[pick] = self._work_out(index, pick, width)
            found.append(look)
        self._last = genome, width, found
        return width, found

    def _work_out(self, index: int, pick: Pick, width: float) -> Look:
        group, shapes = self.groups[index], self.space.shapes(width)
        layers = tuple(group.layer(pick, shapes[name]) for name in group.members)
        size, features = 0, list[float]()
        for name, layer in zip(group.members, layers, strict=True):
            plain = self._plain_params(name, width)
            own = plain if layer is None else _params(shapes[name], layer)
            size += own
            features += _features(shapes[name], layer, own / plain)
        built = hash(layers) if any(layers) else 0
        return Look(size, tuple(features), built)

    def _plain_params(self, name: str, width: float) -> int:
        if (name, width) not in self._plain:
            self._plain[name, width] = _params(self.space.shapes(width)[name], _PLAIN)
        return self._plain[name, width]

    def _unsearched(self, width: float) -> int:
        if width not in self._others:
            searched = {name for group in self.groups for name in group.members}
            shapes = self.space.shapes(width)
            own = sum(_params(shape, _PLAIN) for name, shape in shapes.items() if name not in searched)
            self._others[width] = own + self.space.other_params(width)
        return self._others[width]


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


def _params(shape: ConvShape, layer: LayerSpec) -> int:
    return arithmetic.params(shape, layer)


def _features(shape: ConvShape, layer: LayerSpec | None, kept: float) -> tuple[float, ...]:
    if layer is None:
        return (0.0,) * FEATURES
    p, s = arithmetic.split(shape.out_channels, layer.alpha)
    rank = 1.0 if layer.rank is None else layer.rank / max(1, min(p, s))
    density = max(1.0 - (layer.sparsity or 0.0), 1e-3)
    return (math.log(kept), math.log(p / shape.out_channels), math.log(rank), math.log(density))

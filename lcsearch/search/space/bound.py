"""A space bound to a backbone: choices in, canonical specs out, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from lcsearch.core.spec import LayerSpec, ModelSpec, Regularizer
from lcsearch.core.text import format_count
from lcsearch.layers import arithmetic
from lcsearch.search.space.groups import Group, Layers, Pick, Shapes
from lcsearch.search.space.parameters import Choice, NotInSpace, Number, Replay, Trial
from lcsearch.search.space.ranges import FloatRange, IntRange
from lcsearch.search.space.schema import Space

_PLAIN = LayerSpec("conv")


class Suggestion(NamedTuple):
    """What a sampler's choices mean.

    Attributes:
        model: A canonical spec: two that build the same model are equal.
        regularizer: Off where the model has no LinearConv layer.
        train: Fields of the recipe that the space fixes or searches.
    """

    model: ModelSpec
    regularizer: Regularizer
    train: dict[str, Any]


class Width:
    """The widths that a space allows: the multiples of a step between the ends, and the ends."""

    def __init__(self, allowed: FloatRange, step: float) -> None:
        inner = range(math.ceil(allowed.low / step), math.floor(allowed.high / step) + 1)
        self.values = sorted({allowed.low, allowed.high} | {index * step for index in inner})
        self.number = Number("width", allowed)

    def suggest(self, trial: Trial) -> float:
        """Ask for a width, and take the nearest that is allowed."""
        asked = self.number.suggest(trial)
        return min(self.values, key=lambda width: abs(math.log(width / asked)))


@dataclass(frozen=True, slots=True)
class BoundSpace:
    """A space bound to a backbone.

    Attributes:
        space: What the file says.
        template: Backbone, classes and channels of every spec.
        groups: The choices over convolutions, in module order of their first members.
        width: The widths.
        shapes: The shapes of all convolutions at a width.
        other_params: Parameters outside these convolutions at a width.
    """

    space: Space
    template: ModelSpec
    groups: tuple[Group, ...]
    width: Width
    shapes: Callable[[float], Shapes]
    other_params: Callable[[float], int]

    @property
    def searched_layers(self) -> tuple[str, ...]:
        """Module names of the convolutions that are searched, in module order."""
        names = {name for group in self.groups for name in group.members}
        return tuple(name for name in self.shapes(self.width.values[-1]) if name in names)

    @property
    def parameters(self) -> tuple[Choice | Number, ...]:
        """Everything that the sampler can be asked for, what depends on other choices included."""
        own = [parameter for group in self.groups for parameter in group.parameters()]
        shared: list[Choice | Number] = [self.width.number, self._shrink, self._regularizer_kind]
        shared += [self._regularizer_weight, *self._train]
        return (*(parameter for parameter in shared if parameter.searched), *own)

    @property
    def dimensions(self) -> int:
        """How many parameters the sampler can be asked for."""
        return len(self.parameters)

    def suggest(self, trial: Trial) -> Suggestion:
        """Ask a trial for every choice.

        Args:
            trial: An ``optuna.Trial`` or anything with its three ``suggest`` methods.
        """
        width = self.width.suggest(trial)
        shapes = self.shapes(width)
        layers: Layers = {}
        shrink = self._shrink.suggest(trial)
        for group in self.groups:
            layers |= group.layers(group.suggest(trial, shrink), shapes)
        weight = 0.0
        if self._regularizer_kind.suggest(trial) == "on":
            weight = _rounded(self._regularizer_weight.suggest(trial))
        train = {field: value for field, value in self.space.train.items() if not _is_range(value)}
        for number in self._train:
            value = number.suggest(trial)
            whole = isinstance(number.range, IntRange)
            train[number.name.removeprefix("train/")] = int(value) if whole else _rounded(value)
        model = replace(self.template, width=width, layers=_in_order(layers, shapes))
        return Suggestion(model, Regularizer(weight if layers else 0.0), train)

    def decode(self, params: Mapping[str, Any]) -> Suggestion:
        """What given values of the parameters mean; values that are not asked for are ignored.

        Raises:
            NotInSpace: A value is missing or out of its range.
        """
        return self.suggest(Replay(params))

    def encode(
        self, model: ModelSpec, regularizer: Regularizer, train: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The sampler's choices that mean a spec: the inverse of ``suggest``.

        Args:
            model: A spec of the same backbone; it need not be canonical.
            regularizer: Its regularizer; does not matter where the model has no LinearConv layer.
            train: Recipe fields; those that the space neither fixes nor searches are not looked at.

        Returns:
            Values and Optuna distributions by parameter name; None if the spec lies outside the space.
        """
        wanted = self.canonical(model)
        if wanted is None or replace(wanted, width=1.0, layers={}) != replace(self.template, width=1.0):
            return None
        values = self._layer_values(wanted)
        if values is None:
            return None
        off = regularizer.weight == 0 and "off" in self._regularizer_kind.choices
        shown = regularizer if wanted.layers else Regularizer()
        values[self._regularizer_kind.name] = "off" if off or not wanted.layers else "on"
        if values[self._regularizer_kind.name] not in self._regularizer_kind.choices:
            values[self._regularizer_kind.name] = self._regularizer_kind.choices[0]
        values[self._regularizer_weight.name] = self._regularizer_weight.clip(regularizer.weight)
        values |= {n.name: n.clip(train.get(n.name.removeprefix("train/"), math.nan)) for n in self._train}
        replay = Replay(values)
        try:
            found = self.suggest(replay)
        except NotInSpace:
            return None
        same_train = all(_same(train.get(field, value), value) for field, value in found.train.items())
        same = found.model == wanted and _same_regularizer(found.regularizer, shown) and same_train
        return (replay.params, replay.distributions) if same else None

    def canonical(self, model: ModelSpec) -> ModelSpec | None:
        """The one spec of all that build the same model; None if a layer is unknown or does not fit."""
        if not self.width.values[0] <= model.width <= self.width.values[-1]:
            return None
        shapes = self.shapes(model.width)
        layers: Layers = {}
        for name, spec in model.layers.items():
            if name not in shapes:
                return None
            try:
                found = None if spec.family == "conv" else arithmetic.canonical(shapes[name], spec)
            except ValueError:
                return None
            if found is not None:
                layers[name] = found
        return replace(model, layers=_in_order(layers, shapes))

    def plain(self) -> ModelSpec:
        """The backbone itself, at the largest width, with nothing compressed."""
        return replace(self.template, width=self.width.values[-1], layers={})

    def smallest(self) -> ModelSpec:
        """The model of the space with the fewest parameters, at the smallest width."""
        return self._extreme(self.width.values[0], "smallest")

    def largest(self) -> ModelSpec:
        """The model of the space with the most parameters, at the largest width."""
        return self._extreme(self.width.values[-1], "largest")

    def params(self, model: ModelSpec) -> int:
        """Parameters of a model, by arithmetic: no model is built, but the first time at each width."""
        shapes = self.shapes(model.width)
        own = (arithmetic.params(shape, model.layers.get(name, _PLAIN)) for name, shape in shapes.items())
        return self.other_params(model.width) + sum(own)

    def describe(self) -> list[str]:
        """A few lines about what is searched, for people."""
        names, shapes = self.searched_layers, self.shapes(self.width.values[-1])
        shared = {"layer": "each for itself", "stage": "one choice a stage", "network": "one choice for all"}
        lines = [
            f"{len(names)} of {len(shapes)} convolutions are searched, {shared[self.space.granularity]}: "
            f"{len(self.groups)} choices, {self.dimensions} dimensions"
        ]
        extra = [
            p.name
            for p in self.parameters
            if p.name.split("/")[0] in ("width", "shrink", "regularizer", "train")
        ]
        if extra:
            lines.append("also searched: " + ", ".join(extra))
        small, large = self.params(self.smallest()), self.params(self.largest())
        lines.append(f"smallest model {format_count(small)} parameters, largest {format_count(large)}")
        return lines

    @property
    def _shrink(self) -> Number:
        return Number("shrink", self.space.shrink)

    @property
    def _regularizer_kind(self) -> Choice:
        rule = self.space.regularizer
        return Choice("regularizer", ("on", "off") if rule.off and rule.weight.high > 0 else ("on",))

    @property
    def _regularizer_weight(self) -> Number:
        return Number("regularizer/weight", self.space.regularizer.weight)

    @property
    def _train(self) -> tuple[Number, ...]:
        searched = ((field, value) for field, value in self.space.train.items() if _is_range(value))
        return tuple(Number(f"train/{field}", value) for field, value in searched)

    def _layer_values(self, wanted: ModelSpec) -> dict[str, Any] | None:
        """Values for width, shrink and groups; the smallest shrink of those that fit."""
        shapes, picks = self.shapes(wanted.width), list[tuple[Group, Pick]]()
        for group in self.groups:
            own = {name: wanted.layers[name] for name in group.members if name in wanted.layers}
            pick = group.find(own, shapes)
            if pick is None:
                return None
            picks.append((group, pick))
        shares = [pick.alpha / group.rule.alpha.high for group, pick in picks if pick.alpha is not None]
        shrink = self._shrink.clip(max(shares, default=1.0))
        values: dict[str, Any] = {"width": wanted.width, "shrink": shrink}
        for group, pick in picks:
            values |= group.values(pick, shrink)
        return values

    def _extreme(self, width: float, end: Literal["smallest", "largest"]) -> ModelSpec:
        shapes, layers = self.shapes(width), dict[str, Any]()
        for group in self.groups:
            layers |= group.layers(group.extreme(shapes, end), shapes)
        return replace(self.template, width=width, layers=_in_order(layers, shapes))


def _is_range(value: Any) -> bool:
    return isinstance(value, FloatRange | IntRange)


def _rounded(value: float) -> float:
    """Four significant digits: what a person would write into a config."""
    return float(f"{value:.4g}")


def _in_order(layers: Layers, shapes: Shapes) -> Layers:
    return {name: layers[name] for name in shapes if name in layers}


def _same(given: Any, meant: Any) -> bool:
    if isinstance(given, float) and isinstance(meant, float):
        return math.isclose(given, meant, rel_tol=1e-3)
    return bool(given == meant)


def _same_regularizer(found: Regularizer, wanted: Regularizer) -> bool:
    return _same(found.weight, wanted.weight) and replace(found, weight=0.0) == replace(wanted, weight=0.0)

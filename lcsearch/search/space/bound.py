"""A space bound to a backbone: choices in, canonical specs out, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lcsearch.core.parameters import Choice, NotInSpace, Number, Replay, Trial
from lcsearch.core.ranges import FloatRange, IntRange
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.core.text import format_count
from lcsearch.layers import lookup
from lcsearch.layers.offer import End
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.groups import Group, Layers, Pick
from lcsearch.search.space.schema import Space

Answers = tuple[dict[str, Any], dict[str, Any]]
"""What a trial answered, by parameter, and the Optuna distributions of these parameters."""

_RECIPE = Recipe()
_MODELS = 16


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
    _models: dict[tuple[Any, ...], ModelSpec] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def searched_layers(self) -> tuple[str, ...]:
        """Module names of the convolutions that are searched, in module order."""
        names = {name for group in self.groups for name in group.members}
        return tuple(name for name in self.shapes(self.width.values[-1]) if name in names)

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the families that some convolution may become, without the plain convolution."""
        return tuple(dict.fromkeys(kind for group in self.groups for kind in group.offers))

    @property
    def parameters(self) -> tuple[Choice | Number, ...]:
        """Everything that the sampler can be asked for, what depends on other choices included."""
        own = [parameter for group in self.groups for parameter in group.parameters()]
        shared: list[Choice | Number] = [self.width.number, self._shrink, self._regularizer_kind]
        shared += [self._regularizer_weight, *self._train.values()]
        return (*(parameter for parameter in shared if parameter.searched), *own)

    @property
    def fixed(self) -> dict[str, Any]:
        """Fields of the recipe that the space fixes."""
        return {name: value for name, value in self.space.train.items() if not _is_range(value)}

    @property
    def dimensions(self) -> int:
        """How many parameters the sampler can be asked for."""
        return len(self.parameters)

    def suggest(self, trial: Trial, recipe: Recipe = _RECIPE) -> TrialSpec:
        """Ask a trial for every choice.

        Args:
            trial: An ``optuna.Trial`` or anything with its three ``suggest`` methods.
            recipe: Gives the fields that the space neither fixes nor searches.

        Returns:
            A canonical spec: two that train the same model the same way are equal. The regularizer is off
            where no layer is compressed.
        """
        width = self.width.suggest(trial)
        shrink = self._shrink.suggest(trial)
        model = self._model(width, tuple([group.suggest(trial, shrink) for group in self.groups]))
        weight = 0.0
        if self._regularizer_kind.suggest(trial) == "on":
            weight = _rounded(self._regularizer_weight.suggest(trial))
        train = dict(self.fixed)
        for name, number in self._train.items():
            value = number.suggest(trial)
            train[name] = int(value) if isinstance(number.range, IntRange) else _rounded(value)
        return TrialSpec(model, Regularizer(weight if model.layers else 0.0), replace(recipe, **train))

    def decode(self, params: Mapping[str, Any], recipe: Recipe = _RECIPE) -> TrialSpec:
        """What given values of the parameters mean; values that are not asked for are ignored.

        Raises:
            NotInSpace: A value is missing or out of its range.
        """
        return self.suggest(Replay(params), recipe)

    def encode(self, spec: TrialSpec) -> Answers | None:
        """The answers that mean a spec: the inverse of ``suggest``; None if it lies outside the space.

        Args:
            spec: A spec of the same backbone; it need not be canonical. Its regularizer does not matter where
                no layer is compressed, nor do fields of its recipe that the space neither fixes nor searches.
        """
        model = self.canonical(spec.model)
        if model is None or replace(model, width=1.0, layers={}) != replace(self.template, width=1.0):
            return None
        shapes, picks = self.shapes(model.width), list[Pick]()
        for group in self.groups:
            own = {name: model.layers[name] for name in group.members if name in model.layers}
            pick = group.find(own, shapes)
            if pick is None:
                return None
            picks.append(pick)
        inside = model.layers.keys() <= set(self.searched_layers)
        return self.answers(replace(spec, model=model), picks) if inside else None

    def answers(self, spec: TrialSpec, picks: Sequence[Pick]) -> Answers | None:
        """As `encode`, where the choices are known that make the layers.

        Args:
            spec: A spec of the space's backbone, its model canonical.
            picks: One for each group; together they make the model's layers.
        """
        kind, weight = self._regularizer_kind, self._regularizer_weight
        off = not spec.model.layers or (spec.regularizer.weight == 0 and "off" in kind.choices)
        wanted = "off" if off else "on"
        values = self._layer_answers(spec.model.width, picks)
        values[kind.name] = wanted if wanted in kind.choices else kind.choices[0]
        values[weight.name] = weight.clip(spec.regularizer.weight)
        for name, number in self._train.items():
            given = getattr(spec.recipe, name)
            values[number.name] = number.range.low if given is None else number.clip(given)
        replay = Replay(values)
        self._keep(spec.model.width, tuple(picks), spec.model)
        try:
            found = self.suggest(replay, spec.recipe)
        except NotInSpace:
            return None
        return (replay.params, replay.distributions) if _same_trial(found, spec) else None

    def model(self, width: float, layers: Layers) -> ModelSpec:
        """A model of the space's backbone, its layers in module order."""
        return replace(self.template, width=width, layers=_in_order(layers, self.shapes(width)))

    def canonical(self, model: ModelSpec) -> ModelSpec | None:
        """The one spec of all that build the same model; None if a layer is unknown or does not fit."""
        if not self.width.values[0] <= model.width <= self.width.values[-1]:
            return None
        shapes = self.shapes(model.width)
        if not model.layers.keys() <= shapes.keys():
            return None
        try:
            layers = lookup.canonicals(shapes, model.layers)
        except ValueError:
            return None
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
        sizes = lookup.sizes(self.shapes(model.width), model.layers)
        return self.other_params(model.width) + sum(size.stored for size in sizes.values())

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
    def _train(self) -> dict[str, Number]:
        """By field of the recipe."""
        searched = ((name, value) for name, value in self.space.train.items() if _is_range(value))
        return {name: Number(f"train/{name}", value) for name, value in searched}

    def _model(self, width: float, picks: tuple[Pick, ...]) -> ModelSpec:
        """The model that choices make."""
        if (width, picks) not in self._models:
            shapes, layers = self.shapes(width), Layers()
            for group, pick in zip(self.groups, picks, strict=True):
                layers |= group.layers(pick, shapes)
            self._keep(width, picks, self.model(width, layers))
        return self._models[width, picks]

    def _keep(self, width: float, picks: tuple[Pick, ...], model: ModelSpec) -> None:
        """Keep the latest models: a proposal is checked, then asked for, then seen as a trial."""
        if len(self._models) >= _MODELS:
            self._models.clear()
        self._models[width, picks] = model

    def _layer_answers(self, width: float, picks: Sequence[Pick]) -> dict[str, Any]:
        """Answers for width, shrink and groups; the smallest shrink of those that fit."""
        least = [group.least_shrink(pick) for group, pick in zip(self.groups, picks, strict=True)]
        shrink = self._shrink.clip(max((one for one in least if one is not None), default=1.0))
        values: dict[str, Any] = {"width": width, "shrink": shrink}
        for group, pick in zip(self.groups, picks, strict=True):
            values |= group.answers(pick, shrink)
        return values

    def _extreme(self, width: float, end: End) -> ModelSpec:
        shapes = self.shapes(width)
        return self._model(width, tuple(group.extreme(shapes, end) for group in self.groups))


def _is_range(value: Any) -> bool:
    return isinstance(value, FloatRange | IntRange)


def _rounded(value: float) -> float:
    """Four significant digits: what a person would write into a config."""
    return float(f"{value:.4g}")


def _in_order(layers: Layers, shapes: Shapes) -> Layers:
    return {name: layers[name] for name in shapes if name in layers}


def _same_trial(found: TrialSpec, wanted: TrialSpec) -> bool:
    """Whether two specs are the same but for the rounding of what is searched."""
    regularizer = wanted.regularizer if wanted.model.layers else Regularizer()
    same_recipe = all(
        _same(getattr(wanted.recipe, name), value) for name, value in found.recipe.to_plain().items()
    )
    return (
        found.model == wanted.model
        and _same(regularizer.weight, found.regularizer.weight)
        and replace(found.regularizer, weight=0.0) == replace(regularizer, weight=0.0)
        and same_recipe
    )


def _same(given: Any, meant: Any) -> bool:
    if isinstance(given, float) and isinstance(meant, float):
        return math.isclose(given, meant, rel_tol=1e-3)
    return bool(given == meant)

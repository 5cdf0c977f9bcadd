"""Choices that mean all layers: a common factor, the regularizer and the recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lcsearch.core.parameters import Choice, Number, Trial
from lcsearch.core.ranges import FloatRange, IntRange
from lcsearch.core.spec import Recipe, Regularizer, TrialSpec
from lcsearch.layers import lookup
from lcsearch.search.space.schema import Space


@dataclass(frozen=True, slots=True)
class Common:
    """What a space searches that means all layers.

    Attributes:
        shrink: Factor on what every layer keeps.
        regularizer: ``on`` or ``off``.
        weight: The regularizer's weight, where it is on.
        train: By field of the recipe that is searched.
        fixed: Fields of the recipe that the space fixes.
    """

    shrink: Number
    regularizer: Choice
    weight: Number
    train: Mapping[str, Number]
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, space: Space) -> Common:
        """The choices of a space."""
        rule = space.regularizer
        may_be_off = rule.off and rule.weight.high > 0
        searched = {name: value for name, value in space.train.items() if _is_range(value)}
        return cls(
            Number("shrink", space.shrink),
            Choice("regularizer", ("on", "off") if may_be_off else ("on",)),
            Number("regularizer/weight", rule.weight),
            {name: Number(f"train/{name}", value) for name, value in searched.items()},
            {name: value for name, value in space.train.items() if name not in searched},
        )

    @property
    def parameters(self) -> tuple[Choice | Number, ...]:
        """What the sampler can be asked for."""
        every: tuple[Choice | Number, ...] = (
            self.shrink,
            self.regularizer,
            self.weight,
            *self.train.values(),
        )
        return tuple(parameter for parameter in every if parameter.searched)

    def suggest(self, trial: Trial, recipe: Recipe) -> tuple[float, Recipe]:
        """Ask for all but the factor.

        Returns:
            The regularizer's weight, and the recipe with what the space fixes or searches.
        """
        on = self.regularizer.suggest(trial) == "on"
        weight = _rounded(self.weight.suggest(trial)) if on else 0.0
        train = dict(self.fixed)
        for name, number in self.train.items():
            value = number.suggest(trial)
            train[name] = int(value) if isinstance(number.range, IntRange) else _rounded(value)
        return weight, replace(recipe, **train)

    def answers(self, spec: TrialSpec) -> dict[str, Any]:
        """The answers to `suggest`, by parameter, that come nearest to a spec."""
        kind = self.regularizer
        means_nothing = not lookup.regularized(spec.model.layers)
        off = means_nothing or (spec.regularizer.weight == 0 and "off" in kind.choices)
        wanted = "off" if off else "on"
        values = {
            kind.name: wanted if wanted in kind.choices else kind.choices[0],
            self.weight.name: self.weight.clip(spec.regularizer.weight),
        }
        for name, number in self.train.items():
            given = getattr(spec.recipe, name)
            values[number.name] = number.range.low if given is None else number.clip(given)
        return values


def same_trial(found: TrialSpec, wanted: TrialSpec) -> bool:
    """Whether two specs are the same but for the rounding of what is searched."""
    regularizer = wanted.regularizer if lookup.regularized(wanted.model.layers) else Regularizer()
    same_recipe = all(
        _same(getattr(wanted.recipe, name), value) for name, value in found.recipe.to_plain().items()
    )
    return (
        found.model == wanted.model
        and _same(regularizer.weight, found.regularizer.weight)
        and replace(found.regularizer, weight=0.0) == replace(regularizer, weight=0.0)
        and same_recipe
    )


def _is_range(value: Any) -> bool:
    return isinstance(value, FloatRange | IntRange)


def _rounded(value: float) -> float:
    """Four significant digits: what a person would write into a config."""
    return float(f"{value:.4g}")


def _same(given: Any, meant: Any) -> bool:
    if isinstance(given, float) and isinstance(meant, float):
        return math.isclose(given, meant, rel_tol=1e-3)
    return bool(given == meant)

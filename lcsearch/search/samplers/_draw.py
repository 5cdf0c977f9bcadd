"""A trial that is asked like Optuna's, and answers from given values, then from numbers in [0, 1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
Unit = Callable[[str, BaseDistribution], float]
"""A number in [0, 1) for a parameter of this name and range."""

_STEP_TOLERANCE = 1e-8  # of a step, as Optuna has it: multiples of a float are not exact


class Draw:
    """Answers ``suggest_*`` like a trial and remembers what it was asked.

    Args:
        given: Values by name; one that its range does not hold is ignored.
        unit: Where every other value comes from.
    """

    def __init__(self, given: Mapping[str, Any], unit: Unit) -> None:
        self._given = given
        self._unit = unit
        self.params: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number of the range."""
        return float(self._answer(name, _floats(low, high, log, step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number of the range."""
        return int(self._answer(name, _whole(low, high, log, step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        return self._answer(name, _words(tuple(choices)))

    def _answer(self, name: str, distribution: BaseDistribution) -> Any:
        if name not in self.params:
            given = name in self._given and holds(distribution, self._given[name])
            self.distributions[name] = distribution
            self.params[name] = (
                self._given[name] if given else at_unit(distribution, self._unit(name, distribution))
            )
        return self.params[name]


@lru_cache(256, typed=True)
def _floats(low: float, high: float, log: bool, step: float | None) -> FloatDistribution:
    return FloatDistribution(low, high, log=log, step=step)


@lru_cache(256)
def _whole(low: int, high: int, log: bool, step: int) -> IntDistribution:
    return IntDistribution(low, high, log=log, step=step)


@lru_cache(256)
def _words(choices: tuple[str, ...]) -> CategoricalDistribution:
    return CategoricalDistribution(choices)


def holds(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a range holds a value."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    if not distribution.low <= value <= distribution.high:
        return False
    if isinstance(distribution, IntDistribution):
        return (value - distribution.low) % distribution.step == 0
    steps = (value - distribution.low) / (distribution.step or 1.0)
    return distribution.step is None or abs(steps - round(steps)) < _STEP_TOLERANCE


def one_of(items: Sequence[T], rng: np.random.Generator) -> T:
    """One of some at random; in under half of the time that ``rng.integers`` takes to draw a place."""
    return items[int(len(items) * rng.random())]


def at_unit(distribution: BaseDistribution, unit: float) -> Any:
    """The value at a share of the range, on the range's own scale.

    Args:
        distribution: A range of floats, whole numbers or choices.
        unit: In [0, 1]; whole numbers and choices have equal shares each.
    """
    unit = min(max(unit, 0.0), 1.0)
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[min(int(unit * len(distribution.choices)), len(distribution.choices) - 1)]
    if isinstance(distribution, IntDistribution):
        return _int_at(distribution, unit)
    assert isinstance(distribution, FloatDistribution)
    low, high = distribution.low, distribution.high
    if distribution.step is not None:
        steps = round((high - low) / distribution.step) + 1
        return min(high, low + distribution.step * min(int(unit * steps), steps - 1))
    value = low * (high / low) ** unit if distribution.log else low + (high - low) * unit
    return min(max(value, low), high)


def unit_of(distribution: BaseDistribution, value: Any) -> float:
    """The share of the range at which a value lies: what ``at_unit`` turns back into it."""
    if isinstance(distribution, CategoricalDistribution):
        return (distribution.choices.index(value) + 0.5) / len(distribution.choices)
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    half = 0.5 if isinstance(distribution, IntDistribution) else 0.0
    low, high = distribution.low - half, distribution.high + half
    if low >= high:
        return 0.5
    if distribution.log:
        return math.log(value / low) / math.log(high / low)
    return float((value - low) / (high - low))


def _int_at(distribution: IntDistribution, unit: float) -> int:
    low, high = distribution.low - 0.5, distribution.high + 0.5
    value = low * (high / low) ** unit if distribution.log else low + (high - low) * unit
    stepped = distribution.low + round((value - distribution.low) / distribution.step) * distribution.step
    return min(max(stepped, distribution.low), distribution.high)

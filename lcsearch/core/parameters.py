"""What a sampler is asked for, and a trial that answers with given values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lcsearch.core.ranges import FloatRange, IntRange


class Trial(Protocol):
    """The part of ``optuna.Trial`` that a space uses."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number between two ends."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number between two ends."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of several."""


class NotInSpace(Exception):  # noqa: N818
    """The values that a trial was given are none of the space's."""


@dataclass(frozen=True, slots=True)
class Number:
    """A named number; one value is returned without asking for it."""

    name: str
    range: FloatRange | IntRange

    @property
    def searched(self) -> bool:
        """Whether the sampler has a choice."""
        return self.range.low < self.range.high

    def suggest(self, trial: Trial) -> float:
        """Ask for it."""
        low, high, log = self.range.low, self.range.high, self.range.log
        if not self.searched:
            return low
        if isinstance(self.range, IntRange):
            return trial.suggest_int(self.name, int(low), int(high), log=log)
        return trial.suggest_float(self.name, low, high, log=log)

    def clip(self, value: float) -> float:
        """The nearest value that it may have."""
        low, high = self.range.low, self.range.high
        return low if value < low else high if value > high else value


@dataclass(frozen=True, slots=True)
class Choice:
    """A named choice of one of several words; a single one is returned without asking."""

    name: str
    choices: tuple[str, ...]

    @property
    def searched(self) -> bool:
        """Whether the sampler has a choice."""
        return len(self.choices) > 1

    def suggest(self, trial: Trial) -> str:
        """Ask for it."""
        return str(trial.suggest_categorical(self.name, self.choices)) if self.searched else self.choices[0]


@dataclass(slots=True)
class Replay:
    """A trial that answers with given values and keeps what it was asked.

    Attributes:
        values: The answers by name.
        params: What was asked for so far, and answered.
        distributions: Its Optuna distributions.
    """

    values: Mapping[str, Any]
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, Any] = field(default_factory=dict)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """The given value of this name.

        Raises:
            NotInSpace: There is none, or it is not between the ends.
        """
        from optuna.distributions import FloatDistribution

        return float(self._answer(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As ``suggest_float``."""
        from optuna.distributions import IntDistribution

        return int(self._answer(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """As ``suggest_float``."""
        from optuna.distributions import CategoricalDistribution

        return self._answer(name, CategoricalDistribution(tuple(choices)))

    def _answer(self, name: str, distribution: Any) -> Any:
        if name not in self.values:
            raise NotInSpace(name)
        value = self.values[name]
        if not _contains(distribution, value):
            raise NotInSpace(f"{name}: {value!r} is not in {distribution!r}")
        self.params[name], self.distributions[name] = value, distribution
        return value


def _contains(distribution: Any, value: Any) -> bool:
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return value in choices
    number = isinstance(value, int | float) and math.isfinite(value)
    return bool(number and distribution.low <= value <= distribution.high)

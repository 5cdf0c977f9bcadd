"""Numbers of a space file: fixed, or searched between two ends, each kind with its limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import model_validator

from lcsearch.core.yaml import Strict, problem, shown


def _as_range(data: Any) -> Any:
    """A bare number is a range of one value."""
    if isinstance(data, int | float) and not isinstance(data, bool):
        return {"low": data, "high": data}
    if isinstance(data, dict | FloatRange | IntRange):
        return data
    raise problem(f"{shown(data)} is not allowed; write a number or {{low: ..., high: ..., log: true}}")


def _check_ends(low: float, high: float, log: bool, ok: Callable[[float], bool], allowed: str) -> None:
    if low > high:
        raise problem(f"{low!r} is above high {high!r}; low must be at most high", ("low",))
    for end, value in (("low", low), ("high", high)):
        if not ok(value):
            raise problem(f"{value!r} is not allowed; it must be {allowed}", () if low == high else (end,))
    if log and low <= 0:
        raise problem(f"{low!r} is not allowed with log: true; it must be above 0", ("low",))


class FloatRange(Strict):
    """A number that is fixed (low = high) or searched between two ends, on a linear or a log scale."""

    allowed: ClassVar[str] = "a number"

    low: float
    high: float
    log: bool = False

    _bare = model_validator(mode="before")(_as_range)

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether this quantity may have the value."""
        return True

    @model_validator(mode="after")
    def _ends(self) -> FloatRange:
        _check_ends(self.low, self.high, self.log, self.holds, self.allowed)
        return self


class Share(FloatRange):
    """A number in (0, 1]."""

    allowed: ClassVar[str] = "in (0, 1]"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is in (0, 1]."""
        return 0 < value <= 1


class Shrink(Share):
    """A range in (0, 1] that ends at 1."""

    @model_validator(mode="after")
    def _up_to_one(self) -> Shrink:
        if self.high != 1:
            raise problem(f"{self.high!r} is not allowed; it must be 1, which leaves alphas alone", ("high",))
        return self


class Sparsity(FloatRange):
    """A number in [0, 1)."""

    allowed: ClassVar[str] = "in [0, 1)"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is in [0, 1)."""
        return 0 <= value < 1


class Weight(FloatRange):
    """A number that is not negative."""

    allowed: ClassVar[str] = "0 or above"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is not negative."""
        return value >= 0


class Width(FloatRange):
    """A number in (0, 4]."""

    allowed: ClassVar[str] = "in (0, 4]"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is in (0, 4]."""
        return 0 < value <= 4


class IntRange(Strict):
    """A whole number that is fixed or searched, on a linear or a log scale."""

    low: int
    high: int
    log: bool = False

    _bare = model_validator(mode="before")(_as_range)

    @model_validator(mode="after")
    def _ends(self) -> IntRange:
        _check_ends(self.low, self.high, self.log, lambda value: True, "a whole number")
        return self


class Rank(IntRange):
    """A whole number of at least 1."""

    @model_validator(mode="after")
    def _positive(self) -> Rank:
        _check_ends(self.low, self.high, self.log, lambda value: value >= 1, "a whole number of at least 1")
        return self

"""Numbers of a space file: fixed, or searched between two ends, each kind with its limits."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import model_validator

from lcsearch.core.strict import Strict, problem, shown

_NumberT = TypeVar("_NumberT", int, float)


class _Range(Strict, Generic[_NumberT]):
    """A number that is fixed (low = high) or searched between two ends, on a linear or a log scale."""

    allowed: ClassVar[str]

    low: _NumberT
    high: _NumberT
    log: bool = False

    def __str__(self) -> str:
        """As a space file has it."""
        log = ", log: true" if self.log else ""
        return str(self.low) if self.low == self.high else f"{{low: {self.low}, high: {self.high}{log}}}"

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, data: Any) -> Any:
        """A bare number is a range of one value."""
        if isinstance(data, int | float) and not isinstance(data, bool):
            return {"low": data, "high": data}
        if isinstance(data, dict | _Range):
            return data
        raise problem(f"{shown(data)} is not allowed; write a number or {{low: ..., high: ..., log: true}}")

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether this quantity may have the value."""
        return True

    @model_validator(mode="after")
    def _ends(self) -> Self:
        low, high = self.low, self.high
        if low > high:
            raise problem(f"{low!r} is above high {high!r}; low must be at most high", ("low",))
        for end, value in (("low", low), ("high", high)):
            if not self.holds(value):
                at = () if low == high else (end,)
                raise problem(f"{value!r} is not allowed; it must be {self.allowed}", at)
        if self.log and low <= 0:
            raise problem(f"{low!r} is not allowed with log: true; it must be above 0", ("low",))
        return self


class FloatRange(_Range[float]):
    """A real number."""

    allowed: ClassVar[str] = "a number"


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
            raise problem(f"{self.high!r} is not allowed; it must be 1, which shrinks nothing", ("high",))
        return self


class Weight(FloatRange):
    """A number that is not negative."""

    allowed: ClassVar[str] = "0 or above"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is not negative."""
        return value >= 0


class IntRange(_Range[int]):
    """A whole number."""

    allowed: ClassVar[str] = "a whole number"


class Count(IntRange):
    """A whole number of at least 1."""

    allowed: ClassVar[str] = "a whole number of at least 1"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is at least 1."""
        return value >= 1

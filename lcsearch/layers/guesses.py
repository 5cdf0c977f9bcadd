"""Values of a number to try, where several layers must come out as given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lcsearch.core.parameters import Number
from lcsearch.core.ranges import IntRange


class Suits(NamedTuple):
    """Values of a number that give one spec.

    Attributes:
        value: One that does.
        low: The least that does, about.
        high: The greatest that does, about.
    """

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, width: float) -> Suits:
        """An interval of a width about a value."""
        return cls(value, value - width / 2, value + width / 2)


def between(number: Number, wanted: Iterable[Suits]) -> list[float]:
    """Values to try for a number, the likeliest first: each wanted one, then what suits all, then the ends.

    Args:
        number: What the values are for.
        wanted: What each layer asks for.
    """
    targets = list(dict.fromkeys(wanted))
    low = number.clip(max((target.low for target in targets), default=number.range.low))
    high = number.clip(min((target.high for target in targets), default=number.range.high))
    inside = [low + (high - low) * share for share in (0.5, 0.25, 0.75, 0.02, 0.98)]
    ends = [number.range.high, number.range.low]
    values = [number.clip(target.value) for target in targets] + inside + ends
    if isinstance(number.range, IntRange):
        values = [round(value) for value in values]
    return list(dict.fromkeys(values))

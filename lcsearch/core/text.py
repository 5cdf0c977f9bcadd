"""Sizes, times and shares as people write them: 500k, 1.5M, 90s, 30m, 1/4."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from lcsearch.core.errors import InputError

_COUNT_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_TIME_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-z]?)\s*", re.IGNORECASE)
_AN = re.compile("[AEIOaeio]|[Uu](?!net|ni|int|se|[A-Z])")
"""What begins with the sound of a vowel, as far as letters tell."""


def parse_count(text: str) -> int:
    """Read a count such as ``250000``, ``500k`` or ``1.5M``.

    Args:
        text: What the user typed.

    Raises:
        InputError: The text is no positive count.
    """
    value = _parse(text, _COUNT_UNITS)
    if value is None or not math.isfinite(value) or value < 1:
        raise InputError(f"{text!r} is not a positive count; write 250000, 500k or 1.5M")
    return round(value)


def parse_seconds(text: str) -> float:
    """Read a time such as ``90s``, ``30m``, ``2h``; a bare number means seconds.

    Args:
        text: What the user typed.

    Raises:
        InputError: The text is no positive time.
    """
    value = _parse(text, _TIME_UNITS)
    if value is None or not math.isfinite(value) or value <= 0:
        raise InputError(f"{text!r} is not a positive time; write 90s, 30m or 2h")
    return value


def _parse(text: str, units: dict[str, float]) -> float | None:
    match = _NUMBER.fullmatch(text)
    if match is None or match[2].lower() not in units:
        return None
    return float(match[1]) * units[match[2].lower()]


def format_count(value: float) -> str:
    """Write a count with three significant digits: ``9.23M``, ``399k``, ``812``."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:
            scaled = value / size
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f}{unit}"
    return f"{value:.0f}"


def format_share(value: float) -> str:
    """Write a share as a fraction where it is 1/n, else with two significant digits: ``1/4``, ``0.37``."""
    if value > 0:
        parts = round(1 / value)
        if parts > 1 and math.isclose(value * parts, 1, abs_tol=1e-3):
            return f"1/{parts}"
    return f"{value:.2g}"


def counted(count: int, word: str) -> str:
    """Write how many there are of something: ``1 epoch``, ``1,200 epochs``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def with_article(noun: str) -> str:
    """Write a noun with its article: ``a list``, ``an int``, ``a UNet``, ``an Upsample``."""
    return f"{'an' if _AN.match(noun) else 'a'} {noun}"


def kind_of(value: object) -> str:
    """Write what kind of thing a value is: ``an int``, ``a Sequential``."""
    return with_article(type(value).__name__)


def listed(words: Sequence[str], most: int = 3, between: str = ", ") -> str:
    """The first words, and how many there are beside: ``a, b, c and 2 more``."""
    more = len(words) - most
    return between.join(words[:most]) + (f" and {more} more" if more > 0 else "")


def format_seconds(value: float) -> str:
    """Write a time in its two largest units: ``42s``, ``3m 20s``, ``2h 05m``."""
    seconds = round(value)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02d}s"
    return f"{seconds // 3600}h {seconds % 3600 // 60:02d}m"

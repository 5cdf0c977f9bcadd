"""Numbers of a space file: what is allowed, what is said of the rest, and how they are written."""

from __future__ import annotations

from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.ranges import Count, FloatRange, IntRange, Share, Shrink, Weight
from lcsearch.core.strict import validate
from lcsearch.core.yaml import parse_yaml

WRITTEN: list[tuple[type[Any], str]] = [
    (FloatRange, "0.5"),
    (FloatRange, "{low: 0.25, high: 0.5}"),
    (FloatRange, "{low: 0.25, high: 0.5, log: true}"),
    (IntRange, "-3"),
    (IntRange, "{low: 1, high: 64, log: true}"),
]


@pytest.mark.parametrize(("kind", "text"), WRITTEN)
def test_a_range_is_written_as_it_is_read(kind: type[Any], text: str) -> None:
    assert str(validate(kind, parse_yaml(text, "f"), "f")) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [(FloatRange, -1e9), (Share, 1e-9), (Share, 1), (Weight, 0), (Weight, 1e9),
     (IntRange, -7), (Count, 1), (Count, 10**6), (Shrink, 1.0)],
)  # fmt: skip
def test_the_last_allowed_values(kind: type[Any], value: float) -> None:
    found = validate(kind, value, "f")
    assert (found.low, found.high, found.log) == (value, value, False)


NOT_BARE = " is not allowed; write a number or {low: ..., high: ..., log: true}"


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (Share, 0, "0.0 is not allowed; it must be in (0, 1]"),
        (Share, 1.01, "1.01 is not allowed; it must be in (0, 1]"),
        (Share, {"low": 0, "high": 1}, "low: 0.0 is not allowed; it must be in (0, 1]"),
        (Share, {"low": 0.5, "high": 2}, "high: 2.0 is not allowed; it must be in (0, 1]"),
        (Shrink, 0.5, "high: 0.5 is not allowed; it must be 1, which shrinks nothing"),
        (Weight, -0.01, "-0.01 is not allowed; it must be 0 or above"),
        (Count, 0, "0 is not allowed; it must be a whole number of at least 1"),
        (IntRange, 1.5, "low: 1.5 is not a whole number"),
        (FloatRange, {"low": 2, "high": 1}, "low: 2.0 is above high 1.0; low must be at most high"),
        (
            FloatRange,
            {"low": 0, "high": 1, "log": True},
            "low: 0.0 is not allowed with log: true; it must be above 0",
        ),
        (FloatRange, True, f"True{NOT_BARE}"),
        (FloatRange, "one", f"'one'{NOT_BARE}"),
        (FloatRange, None, f"None{NOT_BARE}"),
        (FloatRange, {"low": 1}, "high: is missing"),
        (FloatRange, {"low": 1, "high": 2, "lgo": True}, "lgo: unknown key; did you mean 'low' or 'log'?"),
    ],
)
def test_a_mistake_is_one_line(kind: type[Any], data: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(kind, data, "f")
    assert str(caught.value) == f"f: {said}"

"""``width`` in the spaces of older versions."""

from __future__ import annotations

from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.search.space import Space, parse_space


def space(width: Any, **rules: Any) -> Space:
    layers = rules or {"*": {}}
    return parse_space({"version": 1, "backbone": "base", "layers": layers, "width": width}, "f")


@pytest.mark.parametrize("width", [1, 1.0, {"low": 1.0, "high": 1.0}, {"low": 1.0, "high": 2.0}])
def test_a_width_that_takes_nothing_says_nothing(width: Any) -> None:
    assert not space(width).thins


@pytest.mark.parametrize(
    ("width", "channels"),
    [
        (0.5, (0.5, 0.5, False)),
        ({"low": 0.25, "high": 1.0, "log": True}, (0.25, 1.0, True)),
        ({"low": 0.5, "high": 4.0}, (0.5, 1.0, False)),
    ],
)
def test_a_width_becomes_channels_of_every_rule_that_has_none(
    width: Any, channels: tuple[float, float, bool]
) -> None:
    found = space(width, first={"kind": "conv"}, own={"channels": 0.75}).layers
    assert [(rule.channels.low, rule.channels.high, rule.channels.log) for rule in found.values()] == [
        channels,
        (0.75, 0.75, False),
    ]
    assert all(rule.round_to == 1 for rule in found.values())


def test_it_is_not_written_again() -> None:
    plain = space({"low": 0.25, "high": 1.0}).to_plain()
    assert "width" not in plain and parse_space(plain, "g") == space({"low": 0.25, "high": 1.0})


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (0, "f: width: 0.0 is not allowed; it must be in (0, 4]"),
        (4.5, "f: width: 4.5 is not allowed; it must be in (0, 4]"),
        ({"low": 0.5, "hihg": 1.0}, "f: width.hihg: unknown key; did you mean 'high'?"),
        ("wide", "f: width: 'wide' is not allowed; write a number or {low: ..., high: ..., log: true}"),
        (2, "f: width: 2 is above 1; nets are only made thinner: write channels in (0, 1] into layers"),
    ],
)
def test_mistakes(width: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        space(width)
    assert str(caught.value) == said

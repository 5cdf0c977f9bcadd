"""Counts of channels, shares and answers: the way there and back, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from channel_nets import Chain
from torch import nn

from lcsearch.core.parameters import Number, Replay
from lcsearch.core.ranges import Share
from lcsearch.core.spec import ModelSpec
from lcsearch.search.space import bind, parse_space
from lcsearch.search.space.thinning import ChannelChoice, Thinning, nearest, nothing

HALF = {"low": 0.5, "high": 1.0}


def thinning(net: nn.Module, layers: dict[str, Any], **more: Any) -> Thinning:
    space = parse_space({"version": 1, "backbone": "*", "layers": layers} | more, "f")
    return bind(space, net, ModelSpec("net", 10, 3), (3, 8, 8)).thinning


def choice(high: float = 1.0) -> ChannelChoice:
    """Of groups of 8 and of 6 channels, of which at least half stay."""
    number = Number("a/channels", Share(low=0.5, high=high))
    return ChannelChoice("a", (0, 1), number, (8, 6), ((4, 5, 6, 7, 8), (3, 4, 5, 6)))


@pytest.mark.parametrize(
    ("share", "size", "step", "count"),
    [(1, 7, 4, 7), (0.99, 7, 4, 7), (0.1, 7, 4, 4), (0.5, 7, 1, 4), (0.36, 7, 1, 3), (0.01, 7, 1, 1)],
)
def test_the_nearest_multiple_is_at_least_one_step(share: float, size: int, step: int, count: int) -> None:
    assert nearest(share, size, step) == count


@pytest.mark.parametrize(
    ("kept", "share"),
    [
        ((4, 3), 0.5),  # the low end of the rule
        ((5, 4), 5 / 8),  # the first group's own share
        ((5, 3), (4.5 / 8 + 3.5 / 6) / 2),  # the middle of what gives both
        ((8, 6), 1.0),
        ((4, 4), None),
        ((8, 3), None),
        ((3, 3), None),
        ((9, 6), None),
    ],
)
def test_one_share_gives_the_counts_of_all(kept: tuple[int, int], share: float | None) -> None:
    assert choice().share(kept) == pytest.approx(share) if share else choice().share(kept) is None
    assert share is None or choice().at(share) == kept
    answer = choice().answer(kept, 1.0)
    assert answer == pytest.approx(share) if share else answer is None


def test_an_answer_is_divided_by_what_shrinks_it_and_stays_in_the_rule() -> None:
    own = choice(0.8)
    assert own.least_shrink((5, 4)) == pytest.approx(5 / 8 / 0.8) and own.least_shrink((8, 3)) is None
    assert own.answer((5, 4), 0.8) == pytest.approx(5 / 8 / 0.8)
    assert own.answer((5, 4), 0.5) == 0.8
    assert own.suggest(Replay({"a/channels": 0.8}), 0.75) == (5, 4)
    assert own.suggest(Replay({"a/channels": 0.5}), 0.1) == (4, 3), "no less than the rule's low"


def test_counts_of_all_groups_and_of_choices() -> None:
    own = thinning(Chain(), {"*": {"channels": HALF}})
    assert (own.full, own.most, own.least, own.image_size) == ((8, 6), (8, 6), (4, 3), (8, 8))
    assert own.joined([(5,), (4,)]) == (5, 4) and own.chosen((5, 4)) == [(5,), (4,)]
    assert own.suggest(Replay({"one/channels": 1.0, "two/channels": 0.5}), 0.75) == (6, 3)
    assert own.least_shrinks((4, 6)) == [0.5, 1.0] and own.least_shrinks((2, 6)) == [None, 1.0]
    assert own.answers((4, 6), 1.0) == {"one/channels": 0.5, "two/channels": 1.0}
    assert own.answers((4, 3), 0.5) == {"one/channels": 1.0, "two/channels": 1.0}
    assert own.answers((2, 6), 1.0) is None
    assert own.allowed_at(0.1) == (4, 3) and own.allowed_at(0.75) == (6, 5)
    assert own.at(0.1) == (1, 1) and own.at(0.25) == (2, 2) and own.at(1) == (8, 6)


def test_what_is_not_searched_has_one_count() -> None:
    own = thinning(Chain(), {"two": {"channels": HALF}, "*": {"channels": 0.5}})
    assert own.answers((4, 3), 1.0) == {"two/channels": 0.5} and own.answers((8, 3), 1.0) is None
    assert own.joined([(6,)]) == (4, 6)


def test_shares_of_a_spec_and_counts() -> None:
    own = thinning(Chain(), {"*": {"channels": HALF}})
    assert own.channels((4, 6)) == {"one": 0.5} and own.channels(own.full) == {}
    assert own.counts({"one": 0.5}) == own.kept({"one": 0.5}) == (4, 6)
    assert own.counts({}) == (8, 6) and own.kept({"three": 0.5}) is None


def row() -> nn.Module:
    """Three convolutions of equal shapes behind another one."""
    convs = [nn.Conv2d(count, 8, 3, padding=1) for count in (3, 8, 8, 8)]
    return nn.Sequential(*convs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@pytest.mark.parametrize(
    ("granularity", "more", "same"),
    [
        ("network", {}, {("1", "2"), ("1", "3"), ("2", "3")}),
        ("layer", {}, set()),
        ("network", {"3": {}}, {("1", "2")}),
        ("network", {"0": {}, "1": {}, "2": {}}, {("1", "2")}),
        ("layer", {"0": {"channels": 0.5}, "1": {}, "2": {}, "3": {}}, {("2", "3")}),
    ],
)
def test_shapes_stay_equal_where_one_choice_decides_them(
    granularity: str, more: dict[str, Any], same: set[tuple[str, str]]
) -> None:
    own = thinning(row(), {**more, "*": {"channels": HALF}}, granularity=granularity)
    pairs = [("1", "2"), ("1", "3"), ("2", "3")]
    assert {pair for pair in pairs if own.follows(pair[0]) == own.follows(pair[1])} == same


def test_where_nothing_is_looked_for_all_stays() -> None:
    own = nothing(Chain())
    assert (own.full, own.groups, own.choices, own.image_size) == ((), (), (), None)
    assert own.words() is None and own.at(0.5) == () and own.channels(()) == {}
    assert own.shape("two", ()).out_channels == 6 and list(own.shapes(())) == ["one", "two"]
    assert own.other_params(()) == 16 + 24 * 10 + 10

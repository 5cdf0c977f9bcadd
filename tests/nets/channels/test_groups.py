"""The arithmetic of groups of channels, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcsearch.core.errors import InputError
from lcsearch.nets.channels import ChannelGroup, ChannelGroups, Cut, Whole, count_at

LEFT = ChannelGroup("left", 4, ("left",), (Cut("left.weight", 0), Cut("both.weight", 1)))
RIGHT = ChannelGroup("right", 6, ("right",), (Cut("right.weight", 0), Cut("both.weight", 1, offset=4)))
FLAT = ChannelGroup("both", 5, ("both",), (Cut("both.weight", 0), Cut("head.weight", 1, repeat=9)))
TWO_BLOCKS = ChannelGroup(
    "into", 8, ("into",), (Cut("into.weight", 0), Cut("grouped.weight", 1, blocks=2)), blocks=2
)
GROUPS = ChannelGroups((LEFT, RIGHT, FLAT, TWO_BLOCKS), (Whole("odd", "'odd' is a GroupNorm"),))


@pytest.mark.parametrize(
    ("share", "size", "blocks", "count"),
    [
        (1.0, 8, 1, 8), (0.5, 8, 1, 4), (0.001, 8, 1, 1), (0.3, 10, 1, 3), (0.999, 3, 1, 3),
        (1.0, 8, 2, 8), (0.6, 8, 2, 4), (0.001, 8, 2, 2), (0.9, 8, 4, 8), (0.5, 96, 32, 64),
    ],
)  # fmt: skip
def test_a_share_is_a_number_of_channels(share: float, size: int, blocks: int, count: int) -> None:
    assert count_at(share, size, blocks) == count


def test_counts_of_all_groups_come_from_shares_of_some() -> None:
    kept = GROUPS.kept({"right": 0.5, "into": 0.4})
    assert kept == {"left": 4, "right": 3, "both": 5, "into": 4}
    assert GROUPS.kept({"left": 1.0}) == GROUPS.kept({})


def test_shares_name_only_what_is_thinner() -> None:
    assert GROUPS.channels({"left": 3, "right": 6, "both": 2}) == {"left": 0.75, "both": 0.4}
    assert GROUPS.channels({"right": 1}) == {"right": 0.166667}


@given(st.integers(1, 4), st.integers(1, 300), st.data())
def test_every_count_has_one_share(blocks: int, each: int, data: st.DataObject) -> None:
    size = blocks * each
    group = ChannelGroup("a", size, ("a",), (), blocks)
    groups = ChannelGroups((group,))
    kept = {"a": blocks * data.draw(st.integers(1, each))}
    assert groups.kept(groups.channels(kept)) == kept


def test_an_unknown_group_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no group of channels 'lefd'; did you mean 'left'"):
        GROUPS.kept({"lefd": 0.5})


def test_channels_that_stay_say_why() -> None:
    with pytest.raises(InputError, match=r"channels: those of 'odd' stay: 'odd' is a GroupNorm"):
        GROUPS.kept({"odd": 0.5})


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_is_above_0_and_at_most_1(share: float) -> None:
    with pytest.raises(InputError, match=r"channels.left: .* is not allowed; it must be in \(0, 1\]"):
        GROUPS.kept({"left": share})


def test_what_lies_behind_moves_up_when_channels_go() -> None:
    left, right, flat, into = GROUPS.thinned({"left": 1, "both": 2, "into": 4}).groups
    assert (left.size, right.size, flat.size, into.size) == (1, 6, 2, 4)
    assert right.cuts == (Cut("right.weight", 0), Cut("both.weight", 1, offset=1))
    assert flat.cuts == FLAT.cuts
    assert GROUPS.thinned({}) == GROUPS


@pytest.mark.parametrize(
    ("cut", "channels", "places"),
    [
        (Cut("w", 1), [0, 2], [[0, 2]]),
        (Cut("w", 1, offset=10, repeat=3), [0, 2], [[10, 11, 12, 16, 17, 18]]),
        (Cut("w", 1, blocks=2), [1, 3, 4, 6], [[1, 3], [0, 2]]),
        (Cut("w", 1, blocks=2), [], [[], []]),
    ],
)
def test_channels_lie_where_the_cut_says(cut: Cut, channels: list[int], places: list[list[int]]) -> None:
    assert cut.places(8, np.array(channels, int)).tolist() == places
    length = cut.length(len(channels))
    assert length == len(places[0]) and isinstance(length, int)


def test_the_first_of_every_block_stay() -> None:
    assert LEFT.first(3).tolist() == [0, 1, 2]
    assert TWO_BLOCKS.first(4).tolist() == [0, 1, 4, 5]
    with pytest.raises(ValueError, match="into: 3 channels do not divide into 2 blocks"):
        TWO_BLOCKS.first(3)


def test_what_stays_whole_is_one_line() -> None:
    assert ChannelGroups((LEFT,)).whole_words() is None
    several = [Whole(name, "'x' has 4 groups") for name in ("a", "b", "c", "d")] + [
        Whole("e", "'e.weight' is shared")
    ]
    words = "channels that stay: a, b, c and 1 more ('x' has 4 groups); e ('e.weight' is shared)"
    assert ChannelGroups((LEFT,), tuple(several)).whole_words() == words
    assert GROUPS.whole_words() == "channels that stay: odd ('odd' is a GroupNorm)"
    untraced = ChannelGroups((), (Whole("", "the net cannot be traced: ValueError: no"),))
    assert untraced.whole_words() == "channels that stay: the net cannot be traced: ValueError: no"

"""Who chooses with whom, by hand: two stages of blocks of two layers; the first block shares with nobody."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest
from spaces import SHARED

from lcsearch.layers.shape import ConvShape
from lcsearch.search.space import parse_space
from lcsearch.search.space.bonds import Bonds, Follows, find_bonds

NARROW, WIDE = ConvShape(8, 8, (3, 3), bias=False), ConvShape(16, 16, (3, 3), bias=False)
SHAPES = {f"s.{block}.{part}": NARROW for block in range(4) for part in ("one", "two")}
SHAPES |= {f"t.{block}.{part}": WIDE for block in range(3) for part in ("one", "two")}
FIRST = "it is in the first block of its stage"
THINNED = "its channels go apart from those of the layers that it could share with"


def found(rules: dict[str, Any], follows: Follows = lambda _: 0, shapes: Any = SHAPES, **more: Any) -> Bonds:
    plain = {"version": 1, "backbone": "*", "layers": rules, **more}
    return find_bonds(parse_space(plain, "f"), shapes, follows)


def by(*ways: str) -> dict[str, Any]:
    return {"*": SHARED | {"share_by": list(ways)}}


def names(stage: str, *blocks: int) -> tuple[str, ...]:
    return tuple(f"{stage}.{block}.{part}" for block in blocks for part in ("one", "two"))


def only(part: str, *blocks: int) -> tuple[str, ...]:
    return tuple(f"s.{block}.{part}" for block in blocks)


def apart(name: str) -> Hashable:
    """The last block of the first stage goes its own way."""
    return name.startswith("s.3")


def test_each_stage_is_a_bond_and_all_of_a_network_are_one() -> None:
    stages = found(by("stage"), granularity="layer")
    assert [bond.members for bond in stages.found] == [names("s", 1, 2, 3), names("t", 1, 2)]
    assert [dict(bond.sets) for bond in stages.found] == [{"stage": (bond.members,)} for bond in stages.found]
    assert [bond.apart for bond in stages.found] == [False, False]
    network = found(by("stage", "none"), granularity="network")
    assert [(bond.members, bond.apart) for bond in network.found] == [
        (names("s", 1, 2, 3) + names("t", 1, 2), True)
    ]
    assert stages.left == network.left == dict.fromkeys(names("s", 0) + names("t", 0), FIRST)
    assert stages.divided == network.divided == {}


@pytest.mark.parametrize("granularity", ["layer", "network"])
def test_where_nobody_shares_there_is_no_bond(granularity: str) -> None:
    assert found({"s.0.*": SHARED}, granularity=granularity).found == ()
    assert found({"*": {"kind": ["conv", "linear"]}}, granularity=granularity) == Bonds()


def test_bonds_come_in_the_order_of_their_first_layers() -> None:
    """The first rule's second layer comes after the second rule's."""
    rules = {"s.[13].one": SHARED, "s.[12].two": SHARED | {"shared": 0.5}}
    assert [bond.members for bond in found(rules).found] == [only("one", 1, 3), only("two", 1, 2)]


def test_layers_below_the_least_share_have_no_partners() -> None:
    """Each of eight equal layers has an eighth of all numbers."""
    alike = {name: shape for name, shape in SHAPES.items() if name.startswith("s")}
    assert len(found(by("stage"), shapes=alike, min_share=0.125).found) == 1
    small = found(by("stage"), shapes=alike, min_share=0.126)
    assert small.found == ()
    assert small.left == dict.fromkeys(names("s", 0), FIRST) | dict.fromkeys(
        names("s", 1, 2, 3), "it is too small to matter"
    )


def test_one_that_alone_is_offered_it_has_no_partners() -> None:
    assert found({"s.1.one": SHARED}).left == {
        "s.1.one": "the space offers it to no other layer that it could share with"
    }


def test_layers_whose_channels_go_apart_do_not_share() -> None:
    """What is left of a set is said to be fewer; a set that is as it was is not."""
    position = found(by("position"), apart)
    assert [bond.members for bond in position.found] == [
        only("one", 1, 2), only("two", 1, 2), ("t.1.one", "t.2.one"), ("t.1.two", "t.2.two"),
    ]  # fmt: skip
    assert position.divided == {"position": [*only("one", 1, 2), *only("two", 1, 2)]}
    assert {position.left[name] for name in names("s", 3)} == {THINNED}


def test_who_shares_in_another_way_still_is_fewer_in_one() -> None:
    """Where each block goes its own way, its two layers share, and nobody does by position."""
    blocks = found(by("stage", "position"), lambda name: name[:3])
    assert [bond.members for bond in blocks.found] == [
        names("s", 1), names("s", 2), names("s", 3), names("t", 1), names("t", 2),
    ]  # fmt: skip
    assert all(list(bond.sets) == ["stage"] for bond in blocks.found)
    sharing = {*names("s", 1, 2, 3), *names("t", 1, 2)}
    assert {way: set(own) for way, own in blocks.divided.items()} == {"stage": sharing, "position": sharing}


def test_words_name_the_layers_by_their_reasons() -> None:
    assert Bonds().words() is None
    assert Bonds((), {"a": "x", "b": "y", "c": "x"}, {"stage": ["d", "e"]}).words() == (
        f"nobody to share with: a, c: x; b: y; d, e: fewer by stage: {THINNED}"
    )

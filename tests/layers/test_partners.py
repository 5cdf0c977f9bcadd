"""Sets of layers that share: divided where some must not, and put together where ways overlap."""

from __future__ import annotations

from lcsearch.layers.partners import divided, joined, members

SETS = {"stage": (("a", "b", "c", "d"), ("x", "y")), "position": (("a", "c"), ("b", "d"))}


def test_sets_are_divided_by_what_layers_have_in_common() -> None:
    key = {"a": 1, "b": 1, "c": 2, "d": 2, "x": 1, "y": None}
    assert divided(SETS, key.get) == {"stage": (("a", "b"), ("c", "d"))}
    assert divided(SETS, lambda _: 0) == SETS
    assert divided(SETS, {"a": 0, "c": 0}.get) == {"stage": (("a", "c"),), "position": (("a", "c"),)}


def test_sets_that_overlap_are_of_one_choice() -> None:
    assert joined(SETS) == [
        {"stage": (("a", "b", "c", "d"),), "position": (("a", "c"), ("b", "d"))},
        {"stage": (("x", "y"),)},
    ]
    assert joined({"position": SETS["position"]}) == [{"position": (one,)} for one in SETS["position"]]
    assert joined({"one": (("a", "b"),), "two": (("b", "c"),), "three": (("c", "d"),)}) == [
        {"one": (("a", "b"),), "two": (("b", "c"),), "three": (("c", "d"),)}
    ]
    assert joined({}) == []


def test_members_are_named_once() -> None:
    assert members(SETS) == set("abcdxy")

"""Groups of channels that are thinned alike: which those are, and what is left to them, by hand."""

from __future__ import annotations

from typing import cast

import pytest
from spaces import SHARED

from lcsearch.core.ranges import Share
from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.nets.channels import Cut
from lcsearch.search.space import parse_space
from lcsearch.search.space.alike import Allowed, thinned_alike, tied
from lcsearch.search.space.thin_sizes import Kept, ThinSizes

LAYERS = ("b.0.one", "b.0.two", "b.1.one", "b.1.two", "b.2.one", "b.2.two", "b.3.one", "b.3.two")


class Lying:
    """In place of a net's sizes: equal layers, and where the channels lie that each makes and reads."""

    full: Kept = ()

    def __init__(self, **places: tuple[list[int], list[int]]) -> None:
        self.places = places

    def shapes(self, kept: Kept) -> Shapes:
        return dict.fromkeys(LAYERS, ConvShape(8, 8, (3, 3), 1, bias=False))

    def around(self, name: str) -> tuple[tuple[tuple[int, Cut], ...], ...]:
        made, read = self.places[name.replace(".", "_")]
        return tuple(tuple((place, Cut("", 0)) for place in own) for own in (made, read))


def found(share_by: str, **places: tuple[list[int], list[int]]) -> list[list[int]]:
    rule = SHARED | {"share_by": share_by}
    space = parse_space({"version": 1, "backbone": "*", "layers": {"*": rule}}, "f")
    return tied(space, cast("ThinSizes", Lying(**places)))


def test_what_layers_of_one_set_make_is_alike_and_what_they_read() -> None:
    """The first layers of blocks make and read others than the second ones; block 0 shares with nobody."""
    assert found(
        "position",
        b_1_one=([1], [5]), b_2_one=([2], [5]), b_3_one=([1], [5]),
        b_1_two=([6], [3]), b_2_two=([6], [4]), b_3_two=([6], [4]),
    ) == [[1, 2], [3, 4]]  # fmt: skip


def test_what_lies_one_after_another_is_alike_each_with_its_like() -> None:
    """Of two that read 1 beside 7, and 2 beside 8, and of one that reads 3 alone."""
    assert found(
        "position",
        b_1_one=([0], [1, 7]), b_2_one=([0], [2, 8]), b_3_one=([0], [1, 8]),
        b_1_two=([0], [4, 9]), b_2_two=([0], [5, 9]), b_3_two=([0], [6]),
    ) == [[1, 2], [7, 8], [4, 5, 6]]  # fmt: skip


def test_what_is_alike_with_one_of_several_is_alike_with_all() -> None:
    assert found(
        "stage",
        b_1_one=([1], [0]), b_2_one=([2], [0]), b_3_one=([3], [0]),
        b_1_two=([0], [1]), b_2_two=([0], [2]), b_3_two=([0], [3]),
    ) == [[0, 1, 2, 3]]  # fmt: skip


def test_alike_keep_what_all_of_them_may() -> None:
    few, some, many = (
        Allowed(Share(low=0.25, high=0.5), (2, 4)),
        Allowed(Share(low=0.125, high=1.0, log=True), (1, 2, 4, 8)),
        Allowed(Share(low=0.25, high=0.75), (2, 4, 6)),
    )
    rules = [some, few, many, some, many]
    left, firsts = thinned_alike(rules, [[0, 1], [4, 2]])
    both = Allowed(Share(low=0.25, high=0.5, log=True), (2, 4))
    assert left == [both, both, many, some, many]
    assert firsts == {0: 0, 1: 0, 4: 4, 2: 4}
    assert rules == [some, few, many, some, many]


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([(2, 4)], "it is alone"),
        ([(2, 4), (8,)], "the other keeps all"),
        ([(2, 4), (4, 8)], "4 alone would be no choice"),
        ([(2, 4), (6, 8)], "they have nothing in common"),
        ([(8,), (8,)], "both keep all"),
    ],
    ids=str,
)
def test_a_class_without_a_choice_in_common_is_left_as_it_is(counts: list[tuple[int, ...]], why: str) -> None:
    rules = [Allowed(Share(low=0.25, high=1.0), own) for own in counts]
    assert thinned_alike(rules, [list(range(len(rules)))]) == (rules, {}), why

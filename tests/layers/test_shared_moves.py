"""Moves, ends and guesses among choices of layers that share filters, each in a closed form.

A 3x3 convolution of 8 to 8 channels has 576 numbers. A bank of s filters has 72 s; a layer with u of its own
has 72 u beside them, and 10 (s + u) for what mixes and normalises them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from four_alike import NAMES, SETS, SHAPES, offer

from lcsearch.layers.families.shared import SharedSpec
from lcsearch.layers.offer import Offer
from lcsearch.layers.shared_choice import Chosen


def banks(*counts: tuple[int, int, int]) -> dict[str, SharedSpec]:
    """By position: the shared filters of each bank, and the unique ones of its two layers."""
    made = {}
    for part, (shared_, first, second) in zip("ab", counts, strict=False):
        made |= {f"1.{part}": SharedSpec(f"1.{part}", shared_, first)}
        made |= {f"2.{part}": SharedSpec(f"1.{part}", shared_, second)}
    return {name: made[name] for name in NAMES if name in made}


def first_guess(own: Offer[SharedSpec, Any], wanted: dict[str, SharedSpec], by: str) -> Chosen:
    return next(guess for guess in own.guesses(wanted, SHAPES) if guess.share_by == by)


def test_what_is_wanted_of_each_is_tried_first() -> None:
    wanted = banks((4, 0, 1), (6, 2, 0))
    found = first_guess(offer(), wanted, "position")
    assert found == Chosen("position", (4 / 72, 6 / 72), (0.0, 2 / 8, 1 / 8, 0.0))
    assert offer().layers(found, SHAPES) == wanted
    found = first_guess(offer(each=False), banks((4, 1, 1), (4, 1, 1)), "position")
    assert found == Chosen("position", (4 / 72,), (1 / 8,))


def test_where_nothing_is_wanted_what_saves_least_is_tried_first() -> None:
    assert first_guess(offer(), {}, "stage") == Chosen("stage", (1.0,), (1.0,) * 4)
    half = first_guess(offer(), banks((4, 0, 1)), "position")
    assert half == Chosen("position", (4 / 72, 1.0), (0.0, 1.0, 1 / 8, 1.0))
    guesses = [guess for guess in offer().guesses({}, SHAPES) if guess.share_by == "stage"]
    assert guesses[-1] == Chosen("stage", (1 / 72,), (0.0,) * 4) and len(guesses) == 4


@pytest.mark.parametrize(
    ("low", "high", "smallest", "largest"),
    [
        # 7 · 112 of a stage and 7 · 184 of positions; 4 · 82 more for one unique filter each.
        ((0.05, 0.1), (0.0, 0.125), Chosen("stage", (0.05,), (0.0,)), Chosen("position", (0.1,), (0.125,))),
        # All the largest are plain: the first way's is taken.
        ((0.05, 1.0), (0.125, 0.5), Chosen("stage", (0.05,), (0.125,)), Chosen("stage", (1.0,), (0.5,))),
    ],
)
def test_ends_are_of_the_way_that_stores_least_or_most(
    low: tuple[float, float], high: tuple[float, float], smallest: Chosen, largest: Chosen
) -> None:
    rule = {"shared": {"low": low[0], "high": low[1]}, "unique": {"low": high[0], "high": high[1]}}
    own = offer(rule, each=False)
    assert (own.extreme(SHAPES, "smallest"), own.extreme(SHAPES, "largest")) == (smallest, largest)
    each = offer(rule).extreme(SHAPES, "smallest")
    assert each == Chosen("stage", smallest.shared, smallest.unique * 4)


def test_shrinking_as_far_as_the_largest_number_of_either_kind_allows() -> None:
    own = offer({"shared": {"low": 0.1, "high": 0.5}, "unique": {"low": 0.0, "high": 0.25}})
    assert own.least_shrink(Chosen("stage", (0.25,), (0.0, 0.0625, 0.0, 0.0))) == 0.5
    assert own.least_shrink(Chosen("stage", (0.125,), (0.0, 0.0, 0.0, 0.1))) == 0.4
    none = offer({"shared": {"low": 0.1, "high": 0.5}, "unique": 0.0})
    assert none.least_shrink(Chosen("stage", (0.25,), (0.0,) * 4)) == 0.5


def test_what_is_kept_is_of_any_way_and_half_the_time_of_shared_filters_alone() -> None:
    rng, own = np.random.default_rng(3), offer()
    kept = [own.keeping(0.5, rng) for _ in range(40)]
    assert {choice.share_by for choice in kept} == {"stage", "position"}
    assert all(len({*choice.shared}) == len({*choice.unique}) == 1 for choice in kept), "even filters"
    most = {by: max(one.shared[0] for one in kept if one.share_by == by) for by in SETS}
    assert 10 < sum(choice.shared[0] == most[choice.share_by] for choice in kept) < 30
    assert all(own.share(choice) == pytest.approx(0.5, abs=0.1) for choice in kept)
    unique = [choice.unique[0] * 4 * 8 * 82 / 2304 for choice in kept]
    assert max(unique) < 0.25 + 4 * 41 / 2304, "for up to half of what is stored"


def test_a_nudge_changes_one_number_of_either_kind() -> None:
    rng, own = np.random.default_rng(0), offer()
    start = Chosen("position", (0.25, 0.5), (0.5, 0.25, 0.125, 0.0))
    nudged = [own.nudged(start, rng) for _ in range(80)]
    changed = [
        place
        for one in nudged
        for place, (new, old) in enumerate(zip((*one.shared, *one.unique), (0.25, 0.5, 0.5, 0.25, 0.125, 0.0),
                                               strict=True))
        if new != old
    ]  # fmt: skip
    assert set(changed) == set(range(6)) and len(changed) <= 80
    assert all(one.share_by == "position" for one in nudged)
    steps = [one.unique[0] - 0.5 for one in nudged if one.unique[0] != 0.5]
    assert max(map(abs, steps)) < 0.9 and min(steps) < 0 < max(steps)
    assert sorted(one.shared[0] for one in nudged if one.shared[0] != 0.25)[3] < 0.25
    assert max(one.unique[3] for one in nudged) <= 0.5, "where there is none, about one is added"


def test_where_unique_filters_are_fixed_only_shared_ones_are_nudged() -> None:
    rng, own = np.random.default_rng(0), offer({"shared": {"low": 1 / 72, "high": 1.0}, "unique": 0.25})
    start = Chosen("stage", (0.25,), (0.25,) * 4)
    nudged = [own.nudged(start, rng) for _ in range(20)]
    assert {one.unique for one in nudged} == {start.unique}
    assert len({one.shared for one in nudged}) > 5


def test_another_way_stores_as_much_and_where_there_is_none_filters_change() -> None:
    rng, own = np.random.default_rng(0), offer()
    start = Chosen("position", (12 / 72, 4 / 72), (0.5, 0.0, 0.0, 0.0))
    other = own.changed(start, rng)
    assert other.share_by == "stage" and len({*other.unique}) == 1
    assert own.share(other) == pytest.approx(own.share(start), abs=0.06)
    one = offer(sets={"stage": (NAMES,)})
    start = Chosen("stage", (0.25,), (0.5, 0.25, 0.125, 0.0))
    found = [one.changed(start, rng) for _ in range(10)]
    assert {choice.share_by for choice in found} == {"stage"} and any(choice != start for choice in found)


def test_numbers_are_whole_ones_within_the_rule() -> None:
    own = offer({"shared": {"low": 0.1, "high": 0.5}, "unique": {"low": 0.0, "high": 0.25}})
    start = Chosen("stage", (0.3,), (0.1, 0.2, 0.0, 0.25))
    assert own.scaled(start, 1.0) == Chosen("stage", (22 / 72,), (1 / 8, 2 / 8, 0.0, 2 / 8))
    assert own.scaled(start, 10.0) == Chosen("stage", (0.5,), (0.25, 0.25, 0.0, 0.25))
    assert own.scaled(start, 0.01) == Chosen("stage", (0.1,), (0.0,) * 4)


def test_a_share_of_plain_layers_is_no_more_than_all() -> None:
    own = offer()
    assert own.share(Chosen("position", (1.0, 1.0), (1.0,) * 4)) == 1.0
    assert own.allowed(0.5) == 0.5 and own.allowed(7.0) == 1.0
    assert own.at_share(5.0, SHAPES) == {}
    assert list(own.near(SharedSpec("1.a", 4), SHAPES["1.a"])) == []

"""Moves between models, by their frequencies and sizes, on layers of 1,024 filters.

Three 1x1 convolutions without bias hold 4,096, 16,384 and 65,536 parameters: steps of the same logarithm.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.core.spec import ModelSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.search.samplers._layout import Genome, Layout
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.space import bind, parse_space
from lcsearch.search.space.groups import PLAIN, Pick

RULE = {"kind": ["conv", "linear"], "alpha": {"low": 0.001, "high": 1.0, "log": True}}
RECIPE = {"lr": {"low": 0.01, "high": 1.0, "log": True}}


def layout(ins: Sequence[int] = (4, 16, 64), rule: dict[str, Any] = RULE, **more: Any) -> Layout:
    with torch.device("meta"):
        net = nn.ModuleList(nn.Conv2d(size, 1024, 1, bias=False) for size in ins)
    plain = {"version": 1, "backbone": "*", "layers": {"*": rule}} | more
    return Layout(bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 4)))


def linear(alpha: float) -> Pick:
    return Pick("linear", Chosen(alpha, "full"))


def share(pick: Pick) -> float:
    return 1.0 if pick == PLAIN else pick.own[0]


class Fixed:
    """A generator whose uniform and normal numbers are given."""

    def __init__(self, uniform: float, normal: float) -> None:
        self._uniform, self._normal = uniform, normal

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._uniform

    def standard_normal(self, count: int) -> np.ndarray:
        return np.full(count, self._normal)

    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("uniform", "normal", "logs"),
    [
        (0.0, 0.0, (0.0, 0.0, 0.0)),
        (1.0, 0.0, (-1.5, -3.75, -6.0)),
        (0.5, 0.0, (-0.75, -1.875, -3.0)),
        (1.0, 2.0, (-0.9, -3.15, -5.4)),
        (0.5, 3.0, (0.0, -0.975, -2.1)),
        (0.0, -1.0, (-0.3, -0.3, -0.3)),
    ],
)
def test_large_layers_keep_the_smallest_share(uniform: float, normal: float, logs: tuple[float, ...]) -> None:
    moves = Moves(layout(), Fixed(uniform, normal))  # type: ignore[arg-type]
    found = moves.shaped((("a", 1),))
    assert found.shared == (("a", 1),)
    assert [share(pick) for pick in found.picks] == [
        pytest.approx(math.exp(log), abs=0.5 / 1024) for log in logs
    ]


@pytest.mark.parametrize(("kept", "plain"), [(0.79, False), (0.81, True)])
def test_a_layer_that_keeps_nearly_all_is_plain(kept: float, plain: bool) -> None:
    rng: Any = Fixed(0.0, math.log(kept) / 0.3)
    assert {pick == PLAIN for pick in Moves(layout(), rng).shaped(()).picks} == {plain}
    never = layout(rule=RULE | {"kind": "linear"})
    assert not [pick for pick in Moves(never, rng).shaped(()).picks if pick == PLAIN]


def test_layers_of_one_size_are_all_large() -> None:
    rng: Any = Fixed(1.0, 0.0)
    assert [share(pick) for pick in Moves(layout((64, 64)), rng).shaped(()).picks] == [
        pytest.approx(math.exp(-6.0), abs=0.5 / 1024)
    ] * 2


class Told(Moves):
    """Moves that tell what they are asked for."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.told: list[tuple[Any, ...]] = []

    def mixed(self, first: Genome, second: Genome) -> Genome:
        self.told.append(("mixed", first, second))
        return super().mixed(first, second)

    def nudged(self, genome: Genome) -> Genome:
        self.told.append(("nudged", genome))
        return super().nudged(genome)

    def traded(self, genome: Genome) -> Genome:
        self.told.append(("traded", genome))
        return super().traded(genome)

    def resized(self, genome: Genome, params: float, fixed: frozenset[int]) -> Genome:
        self.told.append(("resized", params, fixed))
        return super().resized(genome, params, fixed)


def test_how_often_children_are_made_how() -> None:
    """Three tenths mixed and nudged, three tenths nudged, a fifth traded, a fifth of a size in the budget."""
    moves = Told(layout(), np.random.default_rng(0))
    parents = [Genome((linear(alpha),) * 3, (), ()) for alpha in (0.1, 0.2, 0.3)]
    ways, firsts, sizes, pairs = Counter[str](), Counter[Genome](), list[float](), Counter[tuple[int, int]]()
    for _ in range(600):
        moves.told.clear()
        moves.child(parents, (5_000, 45_000))
        names = [one[0] for one in moves.told]
        ways[" ".join(names)] += 1
        first = moves.told[0][1]
        assert first in parents
        firsts[first] += 1
        if names == ["nudged", "resized"]:
            sizes.append(moves.told[1][1])
            assert moves.told[1][2] == frozenset()
        if names[0] == "mixed":
            pairs[parents.index(first), parents.index(moves.told[0][2])] += 1
    shares = {"mixed nudged": 0.3, "nudged": 0.3, "traded resized": 0.2, "nudged resized": 0.2}
    assert ways.keys() == shares.keys()
    for way, expected in shares.items():
        assert ways[way] / 600 == pytest.approx(expected, abs=0.06)
    assert all(count / 600 == pytest.approx(1 / 3, abs=0.06) for count in firsts.values())
    assert len(pairs) == 9, "any two parents, one maybe twice"
    assert 5_000 <= min(sizes) < 6_000 and 38_000 < max(sizes) <= 45_000
    assert np.median(sizes) == pytest.approx(15_000, rel=0.25), "evenly on a logarithmic scale"


def test_half_of_the_mixed_have_their_first_layers_from_one_and_the_rest_from_the_other() -> None:
    moves = Moves(layout((8,) * 10), np.random.default_rng(0))
    first = Genome(tuple(linear(0.1 + n / 100) for n in range(10)), (), (("a", 1),))
    second = Genome(tuple(linear(0.5 + n / 100) for n in range(10)), (), (("a", 2),))
    cuts, others, shared = Counter[int](), list[int](), Counter[Any]()
    for _ in range(800):
        child = moves.mixed(first, second)
        taken = [pick == one for pick, one in zip(child.picks, first.picks, strict=True)]
        assert all(
            p == (a if t else b)
            for p, a, b, t in zip(child.picks, first.picks, second.picks, taken, strict=True)
        )
        shared[child.shared] += 1
        if taken == sorted(taken, reverse=True):
            cuts[sum(taken)] += 1
        else:
            others.append(sum(taken))
    assert cuts.total() / 800 == pytest.approx(0.505, abs=0.05)
    assert sorted(cuts) == list(range(11)) and min(cuts.values()) > 15
    assert np.mean(others) == pytest.approx(5.0, abs=0.4)
    assert shared[("a", 1),] / 800 == pytest.approx(0.5, abs=0.05)
    assert shared.keys() == {(("a", 1),), (("a", 2),)}


def test_one_to_three_layers_are_nudged() -> None:
    moves = Moves(layout((8,) * 10), np.random.default_rng(0))
    genome = Genome((linear(0.3),) * 10, (), ())
    many, where = Counter[int](), Counter[int]()
    for _ in range(600):
        moved = [n for n, pick in enumerate(moves.nudged(genome).picks) if pick != genome.picks[n]]
        many[len(moved)] += 1
        where.update(moved)
    assert sorted(many) == [0, 1, 2, 3], "15 % of the moves are to other coefficients, and there are none"
    assert sum(where.values()) / 600 == pytest.approx(2 * 0.85, abs=0.1)
    assert many[3] / 600 == pytest.approx(0.85**3 / 3, abs=0.05)
    assert sorted(where) == list(range(10)) and min(where.values()) > 60
    one = Moves(layout((8,)), np.random.default_rng(0))
    assert all(len(one.nudged(Genome((linear(0.3),), (), ())).picks) == 1 for _ in range(20))


def test_what_becomes_of_one_nudged_layer() -> None:
    """A tenth plain, 15 % of other coefficients (drawn of both kinds), the rest of another share."""
    rule = RULE | {"coefficients": ["full", "sparse"]}
    moves, never = (
        Moves(layout((64,), one), np.random.default_rng(0)) for one in (rule, rule | {"kind": "linear"})
    )
    start = Genome((linear(0.3),), (), ())
    found = [moves.nudged(start).picks[0] for _ in range(1000)]
    assert found.count(PLAIN) / 1000 == pytest.approx(0.1, abs=0.03)
    kinds = Counter(pick.own[1] for pick in found if pick != PLAIN)
    assert kinds["sparse"] / 1000 == pytest.approx(0.075, abs=0.025)
    assert all(share(pick) == 0.3 for pick in found if pick != PLAIN and pick.own[1] == "sparse")
    shares = [share(pick) for pick in found if pick != PLAIN and share(pick) != 0.3]
    assert len(shares) / 1000 == pytest.approx(0.75, abs=0.05)
    assert min(shares) < 0.15 and max(shares) > 0.6 and np.median(shares) == pytest.approx(0.3, rel=0.05)
    always = [never.nudged(start).picks[0] for _ in range(600)]
    assert PLAIN not in always
    assert sum(pick.own[1] == "sparse" for pick in always) / 600 == pytest.approx(0.125, abs=0.04)


def test_what_becomes_of_a_nudged_plain_layer() -> None:
    """The share that is kept falls exponentially; above 0.8 it stays plain, which is one in five."""
    moves = Moves(layout((64,)), np.random.default_rng(0))
    found = [moves.nudged(Genome((PLAIN,), (), ())).picks[0] for _ in range(1000)]
    assert found.count(PLAIN) / 1000 == pytest.approx(0.2, abs=0.03)
    shares = np.array([share(pick) for pick in found])
    for one in (0.1, 0.3, 0.6):
        assert np.mean(shares < one) == pytest.approx(one, abs=0.04)


def test_what_is_shared_is_nudged_now_and_then() -> None:
    space = {"train": RECIPE, "regularizer": {"weight": {"low": 0.01, "high": 1.0, "log": True}, "off": True}}
    moves = Moves(layout((8,) * 4, **space), np.random.default_rng(0))
    shared = (("regularizer", "on"), ("regularizer/weight", 0.1), ("train/lr", 0.1))
    start = Genome((linear(0.3),) * 4, (), shared)
    found = [dict(moves.nudged(start).shared) for _ in range(3000)]
    changed = [one for one in found if one != dict(shared)]
    # A quarter is tried; of these each number moves with 0.7 and the word is drawn anew with 0.3.
    moved = sum(one["train/lr"] != 0.1 for one in found) / 3000
    assert moved == pytest.approx(0.25 * 0.7, abs=0.025)
    off = sum(one["regularizer"] == "off" for one in found) / 3000
    assert off == pytest.approx(0.25 * 0.3 * 0.5, abs=0.015)
    assert all(("regularizer/weight" in one) == (one["regularizer"] == "on") for one in found)
    steps = np.array([math.log10(one["train/lr"]) + 1 for one in changed if one["train/lr"] != 0.1]) / 2
    assert abs(np.mean(steps)) < 0.03
    assert np.abs(steps).max() == pytest.approx(0.5), "cut at the ends"
    # Standard deviations of 0.05, 0.15 and 0.4 of the range, a third each.
    for size in (0.05, 0.15, 0.3):
        expected = np.mean([math.erf(size / sigma / math.sqrt(2)) for sigma in (0.05, 0.15, 0.4)])
        assert np.mean(np.abs(steps) < size) == pytest.approx(expected, abs=0.05)


def test_a_weight_is_drawn_where_the_regularizer_comes_on() -> None:
    space = {"regularizer": {"weight": {"low": 0.01, "high": 1.0, "log": True}, "off": True}}
    moves = Moves(layout((8,), **space), np.random.default_rng(0))
    start = Genome((linear(0.3),), (), (("regularizer", "off"),))
    weights = [
        one["regularizer/weight"]
        for one in (dict(moves.nudged(start).shared) for _ in range(1500))
        if one["regularizer"] == "on"
    ]
    assert len(weights) > 30
    assert min(weights) < 0.03 and max(weights) > 0.3 and min(weights) >= 0.01 and max(weights) <= 1.0


WIDE = (16_384, 32_768, 65_536)  # so large that a layer's size is nearly proportional to its share


@pytest.mark.parametrize(
    ("goal", "off"),
    [(3e6, 0.025), (1e7, 0.01), (3e7, 0.01), (6e7, 0.01), (1e8, 0.2), (1.1e8, 0.1)],
)
@pytest.mark.parametrize(
    "alphas", [(0.1, 0.1, 0.1), (0.5, 0.2, 0.05), (0.03, 0.04, 0.3), (0.9, 0.5, 0.2), (0.6, 0.6, 0.6)]
)
def test_resized_models_have_the_size_that_was_asked_for(
    goal: float, off: float, alphas: tuple[float, ...]
) -> None:
    space = layout(WIDE)
    genome = Genome(tuple(map(linear, alphas)), (), (("a", 1),))
    found = Moves(space, np.random.default_rng(0)).resized(genome, goal, frozenset())
    assert found.shared == genome.shared
    assert abs(math.log(space.params(found) / goal)) < off
    logs = [
        math.log(share(new) / old) for new, old in zip(found.picks, alphas, strict=True) if share(new) < 1
    ]
    assert not logs or max(logs) - min(logs) < 0.13, "one factor for all, up to whole filters"


def test_fixed_and_plain_layers_are_not_resized() -> None:
    space = layout(WIDE)
    moves = Moves(space, np.random.default_rng(0))
    genome = Genome((linear(0.2), PLAIN, linear(0.3)), (), ())
    goal = 0.8 * space.params(genome)
    found = moves.resized(genome, goal, frozenset({0}))
    assert found.picks[:2] == genome.picks[:2]
    assert space.params(found) == pytest.approx(goal, rel=0.01)
    assert moves.resized(genome, goal, frozenset({0, 2})).picks == genome.picks
    same = moves.resized(genome, space.params(genome), frozenset())
    assert [share(pick) for pick in same.picks] == pytest.approx([0.2, 1.0, 0.3], abs=0.5 / 1024)


def test_a_traded_model_keeps_its_size() -> None:
    space = layout(WIDE * 2)
    moves = Moves(space, np.random.default_rng(0))
    start, moved = Genome((linear(0.3),) * 6, (), (("a", 1),)), Counter[int]()
    for _ in range(120):
        found = moves.traded(start)
        assert found.shared == start.shared
        assert space.params(found) == pytest.approx(space.params(start), rel=0.06)
        odd = [n for n in range(6) if found.picks.count(found.picks[n]) == 1]
        moved.update(odd)
        assert len(odd) <= 1
    assert sorted(moved) == list(range(6)) and sum(moved.values()) > 95

"""Choices for layers that share filters, by hand: what they make, what answers them, and where moves lead.

A 3x3 convolution of 8 to 8 channels has 576 numbers. A bank of s filters has 72 s; a layer with u of its own
has 72 u beside them, and 10 (s + u) for what mixes and normalises them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from four_alike import NAMES, SETS, SHAPES, offer

from lcsearch.core.parameters import Replay
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.layers.shape import ConvShape
from lcsearch.layers.shared_choice import Chosen


def stored(layers: Mapping[str, SharedSpec], banks: int = 1) -> int:
    """Numbers of four layers, whose banks are equally large, without biases."""
    own = sum(72 * spec.unique + 10 * (spec.shared + spec.unique) for spec in layers.values())
    bank = next((spec.shared for spec in layers.values()), 0)
    return own + banks * 72 * bank + 576 * (4 - len(layers))


def test_parameters_are_of_banks_and_layers_or_of_all() -> None:
    names = [parameter.name.removeprefix("group/") for parameter in offer().parameters]
    assert names == [
        "share_by", "shared[1.a]", *(f"unique[{name}]" for name in NAMES), "shared[1.b]",
    ]  # fmt: skip
    one = [parameter.name for parameter in offer(each=False).parameters]
    assert one == ["group/share_by", "group/shared", "group/unique"]


def test_two_ways_that_say_the_same_are_one() -> None:
    own = offer(sets={"stage": SETS["position"], "position": SETS["position"]})
    assert own.parameters[0].choices == ("stage",)


def test_answers_and_what_they_make() -> None:
    own = Chosen("position", (0.25, 0.5), (0.0, 0.25, 0.125, 0.0))
    named = {
        "group/share_by": "position", "group/shared[1.a]": 0.5, "group/shared[1.b]": 1.0,
        "group/unique[1.a]": 0.0, "group/unique[1.b]": 0.5, "group/unique[2.a]": 0.25,
        "group/unique[2.b]": 0.0,
    }  # fmt: skip
    assert offer().answers(own, 0.5) == named and offer().suggest(Replay(named), 0.5) == own
    assert offer().least_shrink(own) == 0.5


def test_a_bank_is_named_after_its_first_layer_and_layers_have_their_own_filters() -> None:
    made = offer().layers(Chosen("position", (4 / 72, 6 / 72), (0.0, 0.25, 0.125, 0.0)), SHAPES)
    assert made == {
        "1.a": SharedSpec("1.a", 4, 0), "1.b": SharedSpec("1.b", 6, 2),
        "2.a": SharedSpec("1.a", 4, 1), "2.b": SharedSpec("1.b", 6, 0),
    }  # fmt: skip
    made = offer(each=False).layers(Chosen("stage", (0.001,), (0.125,)), SHAPES)
    assert made == dict.fromkeys(NAMES, SharedSpec("1.a", 1, 1)), "a bank has at least one filter"


@pytest.mark.parametrize(("by", "most"), [("stage", 20), ("position", 12)])
def test_a_bank_that_stores_no_less_is_none(by: str, most: int) -> None:
    """20 · (72 + 40) of 2,304 numbers save, 21 do not; 12 · (72 + 20) of 1,152, and 13 do not."""
    made = [offer(each=False).layers(Chosen(by, (s / 72,), (0.0,)), SHAPES) for s in (most, most + 1)]
    assert [len(layers) for layers in made] == [4, 0]


def test_layers_that_are_of_other_shapes_do_not_share() -> None:
    own = offer(each=False)
    wider = {**SHAPES, "2.b": ConvShape(8, 16, (3, 3)), "1.b": replace(SHAPES["1.b"], bias=False)}
    made = own.layers(Chosen("stage", (4 / 72,), (0.0,)), wider)
    assert made == dict.fromkeys(("1.a", "1.b", "2.a"), SharedSpec("1.a", 4))
    assert set(own.layers(Chosen("position", (4 / 72,), (0.0,)), wider)) == {"1.a", "2.a"}


@pytest.mark.parametrize("each", [True, False])
def test_layers_that_one_choice_makes_are_known_again(each: bool) -> None:
    rng, own = random.Random(1), offer(each=each)
    for _ in range(150):
        by = rng.choice(["stage", "position"])
        banks, layers = (1 if by == "stage" else 2, 4) if each else (1, 1)
        drawn = [tuple(rng.random() ** 3 for _ in range(count)) for count in (banks, layers)]
        wanted = own.layers(Chosen(by, *drawn), SHAPES)
        found = [guess for guess in own.guesses(wanted, SHAPES) if own.layers(guess, SHAPES) == wanted]
        assert found
        assert own.layers(own.suggest(Replay(own.answers(found[0], 1.0)), 1.0), SHAPES) == wanted


def test_what_lies_outside_of_the_rule_is_not_guessed() -> None:
    own = offer({"shared": {"low": 0.1, "high": 0.2}, "unique": 0.0})
    for wanted in (SharedSpec("1.a", 20), SharedSpec("1.a", 8, 1), SharedSpec("other", 8)):
        layers = dict.fromkeys(NAMES, wanted)
        assert all(own.layers(guess, SHAPES) != layers for guess in own.guesses(layers, SHAPES))


@pytest.mark.parametrize("end", ["smallest", "largest"])
@pytest.mark.parametrize("high", [0.2, 1.0])
def test_extremes_by_brute_force(end: str, high: float) -> None:
    own = offer({"shared": {"low": 0.05, "high": high}, "unique": {"low": 0.125, "high": 0.5}}, each=False)

    def size(choice: Chosen) -> int:
        return stored(own.layers(choice, SHAPES), banks=1 if choice.share_by == "stage" else 2)

    grid = itertools.product(
        SETS, [0.05 + (high - 0.05) * step / 100 for step in range(101)], [u / 32 for u in range(4, 17)]
    )
    sizes = [size(Chosen(by, (s,), (u,))) for by, s, u in grid]
    assert size(own.extreme(SHAPES, end)) == (min(sizes) if end == "smallest" else max(sizes))


@pytest.mark.parametrize(
    ("own", "share"),
    [
        (Chosen("stage", (8 / 72,), (0.0,) * 4), 8 * (72 + 40) / 2304),
        (Chosen("stage", (8 / 72,), (0.0, 0.25, 0.0, 0.0)), (8 * (72 + 40) + 2 * 82) / 2304),
        (Chosen("position", (4 / 72, 8 / 72), (0.0,) * 4), (12 * (72 + 20)) / 2304),
        (Chosen("stage", (1.0,), (0.0,) * 4), 1.0),
    ],
)
def test_the_share_is_that_of_the_stored_numbers(own: Chosen, share: float) -> None:
    assert offer().share(own) == pytest.approx(share)


def test_moves_keep_what_they_say() -> None:
    rng, own = np.random.default_rng(0), offer()
    for _ in range(50):
        kept = own.keeping(0.4, rng)
        assert own.share(kept) == pytest.approx(0.4, rel=0.25)
        assert all((share * 72) % 1 == pytest.approx(0, abs=1e-9) for share in kept.shared)
        other = own.changed(kept, rng)
        assert other.share_by != kept.share_by and own.share(other) == pytest.approx(own.share(kept), rel=0.3)
        nudged = own.nudged(kept, rng)
        assert nudged.share_by == kept.share_by
        assert sum(a != b for a, b in zip(sum(kept[1:], ()), sum(nudged[1:], ()), strict=True)) <= 1
    double = own.scaled(Chosen("stage", (8 / 72,), (0.25, 0.0, 0.0, 0.75)), 2.0)
    assert double == Chosen("stage", (16 / 72,), (0.5, 0.0, 0.0, 1.0))
    assert len({own.nudged(double, rng).unique for _ in range(60)}) > 5, "unique filters move too"


def test_one_share_by_hand() -> None:
    """A third of 2,304 is 6.9 filters in a bank of 72 numbers each that four layers mix by 10."""
    assert offer().at_share(1 / 3, SHAPES) == dict.fromkeys(NAMES, SharedSpec("1.a", 7))
    narrow = offer({"shared": {"low": 0.1, "high": 0.2}})
    assert narrow.allowed(0.01) == pytest.approx(7.2 * 112 / 2304)
    assert narrow.allowed(0.9) == pytest.approx(14.4 * 112 / 2304)

"""Choices for separable layers by hand: what they make, what answers them, and where moves lead.

A 3x3 convolution of 64 to 128 channels has 73,728 numbers; one term in full 8,192 + 1,152 = 9,344 of them, a
share of 0.1267; a rank of one term 64 + 128 = 192, of two 320.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lcsearch.core.parameters import Replay
from lcsearch.layers.families import separable
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.layers.offer import Offer
from lcsearch.layers.separable_choice import Chosen
from lcsearch.layers.shape import ConvShape

SHAPES = {"wide": ConvShape(64, 128, (3, 3))}
TWO = SHAPES | {"narrow": ConvShape(12, 16, (3, 1), bias=False)}
FULL = {"terms": {"low": 1, "high": 3}}
BOTH = FULL | {"pointwise": ["full", "low_rank"], "pointwise_rank_ratio": {"low": 0.1, "high": 0.5}}
LOW = BOTH | {"pointwise": ["low_rank"]}
ONE = 9_344 / 73_728


def offer(
    rule: Mapping[str, Any] = BOTH, shapes: Mapping[str, ConvShape] = SHAPES
) -> Offer[SeparableSpec, Any]:
    return separable.FAMILY.offer(separable.FAMILY.rule.model_validate(rule), "group", shapes)


@pytest.mark.parametrize(
    ("rule", "names"),
    [(FULL, ["terms", "pointwise"]), (LOW, ["terms", "pointwise", "pointwise_rank_ratio"])],
)
def test_parameters_are_what_the_kinds_ask_for(rule: dict[str, Any], names: list[str]) -> None:
    assert [parameter.name for parameter in offer(rule).parameters] == [f"group/{name}" for name in names]


def test_more_terms_than_save_are_not_asked_for() -> None:
    """Eight full terms save nothing, 8 · (64 + 9) > 9 · 64, but eight of rank 1 do, and nine."""
    ends = {"full": 7, "low_rank": 9}
    for kind, most in ends.items():
        terms = offer({"terms": {"low": 2, "high": 30}, "pointwise": [kind]}).parameters[0]
        assert (terms.range.low, terms.range.high) == (2, most)
    fixed = offer({"terms": 30}).parameters[0]
    assert (fixed.range.low, fixed.range.high) == (7, 7)


@pytest.mark.parametrize(
    ("own", "shrink", "answers"),
    [
        (Chosen(2, "full"), 1.0, {"terms": 2, "pointwise": "full"}),
        (Chosen(2, "full"), 0.6, {"terms": 3, "pointwise": "full"}),
        (Chosen(1, "full"), 0.3, {"terms": 3, "pointwise": "full"}),
        (Chosen(3, "low_rank", 0.2), 0.5, {"terms": 3, "pointwise": "low_rank", "pointwise_rank_ratio": 0.4}),
        (Chosen(2, "low_rank", 0.1), 0.1, {"terms": 2, "pointwise": "low_rank", "pointwise_rank_ratio": 0.5}),
    ],
)
def test_answers_and_what_they_make(own: Chosen, shrink: float, answers: dict[str, Any]) -> None:
    named = {f"group/{name}": value for name, value in answers.items()}
    assert offer().answers(own, shrink) == named
    assert offer().suggest(Replay(named), shrink) == own


@pytest.mark.parametrize("high", [3, 7])
@pytest.mark.parametrize("low", [1, 2])
def test_with_the_least_factor_and_every_greater_one_a_choice_is_answered(low: int, high: int) -> None:
    own = offer(BOTH | {"terms": {"low": low, "high": high}})
    choices = [Chosen(terms, "full") for terms in range(low, high + 1)]
    for choice in [*choices, Chosen(low, "low_rank", 0.23), Chosen(high, "low_rank", 0.5)]:
        least = own.least_shrink(choice)
        for shrink in np.linspace(max(least, 0.05), 1.0, 200).tolist():
            found = own.suggest(Replay(own.answers(choice, shrink)), shrink)
            assert found[:2] == choice[:2] and found[2] == pytest.approx(choice[2])
    assert own.least_shrink(Chosen(low, "full")) == 0 or low == high


def test_terms_are_searched_on_the_axis_that_the_rule_says() -> None:
    for log in (False, True):
        assert offer({"terms": {"low": 1, "high": 30, "log": log}}).parameters[0].range.log is log


def test_one_choice_is_for_all_members_as_far_as_it_saves() -> None:
    """Of three terms two fit into a 3x1 kernel: 3 · (12 + 3) > 3 · 12; its matrix has at most 24 rows."""
    made = offer(shapes=TWO).layers(Chosen(3, "full"), TWO)
    assert made == {"wide": SeparableSpec(3), "narrow": SeparableSpec(2)}
    made = offer(shapes=TWO).layers(Chosen(1, "low_rank", 0.25), TWO)
    assert made == {"wide": SeparableSpec(1, 16), "narrow": SeparableSpec(1, 3)}


@pytest.mark.parametrize("kinds", [["full"], ["low_rank"], ["low_rank", "full"]], ids=str)
def test_layers_that_one_choice_makes_are_known_again(kinds: list[str]) -> None:
    rng = random.Random(1)
    for _ in range(100):
        kernels = [rng.choice([(3, 3), (2, 3), (5, 5)]) for _ in "abc"]
        shapes = {
            name: ConvShape(rng.randint(1, 70), rng.randint(1, 70), kernel)
            for name, kernel in zip("abc", kernels, strict=True)
        }
        own = offer({"terms": {"low": 1, "high": 9}, "pointwise": kinds}, shapes)
        ratio = rng.uniform(0.1, 0.5) if (kind := rng.choice(kinds)) == "low_rank" else None
        wanted = own.layers(Chosen(rng.randint(1, 9), kind, ratio), shapes)
        found = [guess for guess in own.guesses(wanted, shapes) if own.layers(guess, shapes) == wanted]
        assert found or not wanted
        for guess in found[:1]:
            assert own.suggest(Replay(own.answers(guess, 1.0)), 1.0) == guess


@pytest.mark.parametrize("end", ["smallest", "largest"])
@pytest.mark.parametrize("shapes", [SHAPES, TWO, {"tiny": ConvShape(3, 4, (3, 3))}], ids=["1", "2", "tiny"])
def test_extremes_by_brute_force(shapes: dict[str, ConvShape], end: str) -> None:
    rule = {"terms": {"low": 2, "high": 9}, "pointwise": ["full", "low_rank"]}
    own = offer(rule, shapes)

    def size(choice: Chosen) -> int:
        layers = own.layers(choice, shapes)
        sizes = separable.FAMILY.sizes(shapes, layers)
        return sum(sizes[name].stored if name in layers else shape.params for name, shape in shapes.items())

    choices = [Chosen(terms, "full") for terms in range(2, 10)]
    ratios = np.linspace(0.1, 0.5, 60).tolist()
    choices += [Chosen(*one) for one in itertools.product(range(2, 10), ["low_rank"], ratios)]
    sizes = [size(choice) for choice in choices]
    assert size(own.extreme(shapes, end)) == (min(sizes) if end == "smallest" else max(sizes))


@pytest.mark.parametrize(
    ("rule", "spec", "expected"),
    [
        (BOTH, SeparableSpec(2), [Chosen(2, "full")]),
        (BOTH, SeparableSpec(4), []),
        (BOTH, SeparableSpec(1, 16), [Chosen(1, "low_rank", 0.25)]),
        (BOTH, SeparableSpec(1, 33), []),
        (FULL, SeparableSpec(1, 16), []),
        (LOW, SeparableSpec(1), []),
    ],
)
def test_choices_near_a_spec(rule: dict[str, Any], spec: SeparableSpec, expected: list[Chosen]) -> None:
    assert list(offer(rule).near(spec, SHAPES["wide"])) == expected


def test_thinner_nets_get_one_term_in_full_whatever_the_rule_searches() -> None:
    for rule in (FULL, LOW, {"terms": {"low": 2, "high": 3}}):
        made = offer(rule, TWO).with_channels(TWO)
        assert made == {"wide": SeparableSpec(1), "narrow": SeparableSpec(1)}


def test_shares_are_of_the_numbers() -> None:
    own = offer()
    assert own.share(Chosen(1, "full")) == pytest.approx(ONE)
    assert own.share(Chosen(3, "full")) == pytest.approx(3 * ONE)
    assert own.share(Chosen(2, "low_rank", 0.25)) == pytest.approx((16 * 320 + 2 * 1_152) / 73_728)
    narrow = TWO | {"flat": ConvShape(1, 8, (3, 3))}
    whole = 73_728 + 576 + 72  # of "flat" nothing can be left out
    assert offer(FULL, narrow).share(Chosen(1, "full")) == pytest.approx((9_344 + 240 + 72) / whole)
    assert [offer(FULL).allowed(share) for share in (0.01, 0.2, 0.9)] == pytest.approx(
        [ONE, 2 * ONE, 3 * ONE]
    )
    assert own.allowed(0.07) == pytest.approx(0.07, rel=0.05)


def test_at_its_own_share_a_choice_comes_back() -> None:
    for terms in range(1, 8):
        own = offer({"terms": terms})
        assert own.at_share(own.share(Chosen(terms, "full")), SHAPES) == {"wide": SeparableSpec(terms)}
    assert offer(FULL).at_share(0.05, SHAPES) == {"wide": SeparableSpec(1, 13)}, (
        "(3,686 - 1,152) / 192 = 13.2"
    )
    assert offer(FULL).at_share(1.0, SHAPES) == {}


@pytest.mark.parametrize("rule", [FULL, BOTH, LOW], ids=["full", "both", "low"])
@pytest.mark.parametrize("shapes", [SHAPES, TWO], ids=["1", "2"])
def test_what_keeps_a_share(rule: dict[str, Any], shapes: dict[str, ConvShape]) -> None:
    own, rng = offer(rule, shapes), np.random.default_rng(0)
    ends = [own.share(own.extreme(shapes, end)) for end in ("smallest", "largest")]
    wanted = [ONE, 2 * ONE, 3 * ONE] if rule is FULL else np.geomspace(*ends, 30).tolist()
    for share in wanted:
        for _ in range(5):
            assert own.share(own.keeping(share, rng)) == pytest.approx(share, rel=0.3)
    for share, end in zip((1e-3, 1.0), ends, strict=True):
        assert own.share(own.keeping(share, rng)) == pytest.approx(end, rel=0.1)


def test_both_kinds_come_up_where_both_keep_the_share() -> None:
    own, rng = offer(), np.random.default_rng(0)
    kinds = [own.keeping(ONE, rng).pointwise for _ in range(100)]
    assert 60 < kinds.count("full") < 95
    assert {own.keeping(0.04, rng).pointwise for _ in range(20)} == {"low_rank"}, "a term in full has 0.127"


def test_a_change_keeps_the_share() -> None:
    own, rng = offer(), np.random.default_rng(0)
    before = Chosen(1, "full")
    found = {own.changed(before, rng) for _ in range(40)}
    assert len(found) > 1 and before not in found
    assert all(own.share(one) == pytest.approx(ONE, rel=0.3) for one in found)
    alone = offer(FULL)
    assert {alone.changed(Chosen(2, "full"), rng).terms for _ in range(20)} == {1, 3}, (
        "no other has the share"
    )


def test_a_nudge_moves_terms_or_rank() -> None:
    own, rng = offer(), np.random.default_rng(0)
    full = {own.nudged(Chosen(2, "full"), rng) for _ in range(40)}
    assert full == {Chosen(1, "full"), Chosen(3, "full")}
    low = {own.nudged(Chosen(2, "low_rank", 0.25), rng) for _ in range(60)}
    assert {one.pointwise for one in low} == {"low_rank"}
    assert {one.terms for one in low} == {1, 2, 3} and len({one.ratio for one in low}) > 10
    assert all((one.ratio * 64).is_integer() for one in low if 0.1 < one.ratio < 0.5), "sizes come up again"
    assert {own.nudged(Chosen(3, "full"), rng) for _ in range(40)} == {Chosen(2, "full")}, "not four"


@pytest.mark.parametrize(
    ("own", "factor", "expected"),
    [
        (Chosen(1, "full"), 2.0, Chosen(2, "full")),
        (Chosen(1, "full"), 0.1, Chosen(1, "full")),
        (Chosen(1, "full"), 50.0, Chosen(3, "full")),
        # 1,152 + 16 · 192 = 4,224 numbers: 1.3 times as many are a rank of 22.6, twice as many would be 38.
        # From 1,152 + 32 · 192 = 7,296 to 16,051 it takes 28 of three terms.
        (Chosen(1, "low_rank", 0.25), 2.0, Chosen(1, "low_rank", 0.5)),
        (Chosen(1, "low_rank", 0.25), 1.3, Chosen(1, "low_rank", 23 / 64)),
        (Chosen(1, "low_rank", 0.25), 0.01, Chosen(1, "low_rank", 0.1)),
        (Chosen(1, "low_rank", 0.5), 2.2, Chosen(3, "low_rank", 28 / 64)),
    ],
)
def test_scaling(own: Chosen, factor: float, expected: Chosen) -> None:
    assert offer().scaled(own, factor) == expected

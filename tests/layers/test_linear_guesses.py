"""From specs back to choices for LinearConv layers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from lcsearch.layers.families import linear
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.layers.offer import Offer
from lcsearch.layers.shape import ConvShape

SHAPES = {"narrow": ConvShape(8, 24, (3, 3)), "wide": ConvShape(16, 64, (3, 3))}
KINDS = {
    "low_rank": {"coefficients": ["low_rank"], "rank_ratio": {"low": 0.02, "high": 1.0}},
    "rank": {"coefficients": ["low_rank"], "rank": {"low": 1, "high": 40}},
    "sparse": {"coefficients": ["sparse"], "sparsity": {"low": 0.0, "high": 0.98}},
    "full": {"coefficients": ["full"]},
    "all": {"coefficients": ["full", "low_rank", "sparse"]},
}


def offer(rule: Mapping[str, Any], shapes: Mapping[str, ConvShape] = SHAPES) -> Offer[LinearSpec, Any]:
    return linear.FAMILY.offer(linear.FAMILY.rule.model_validate(rule), "group", shapes)


def drawn(rng: random.Random, kind: str) -> Chosen:
    amounts = {
        "low_rank": rng.uniform(0.02, 1.0),
        "sparse": rng.uniform(0.0, 0.98),
        "rank": rng.randint(1, 40),
    }
    coefficients = "low_rank" if kind == "rank" else kind
    return Chosen(rng.uniform(0.02, 0.8), coefficients, amounts.get(kind))


@pytest.mark.parametrize("kind", ["low_rank", "rank", "sparse", "full"])
def test_the_first_guess_suits_a_layer_alone(kind: str) -> None:
    rng = random.Random(0)
    for _ in range(200):
        shapes = {"only": ConvShape(16, rng.randint(8, 90), (3, 3))}
        own = offer(KINDS[kind], shapes)
        wanted = own.layers(drawn(rng, kind), shapes)
        if not wanted or (kind != "full" and wanted["only"].rank is wanted["only"].sparsity is None):
            continue
        assert own.layers(next(own.guesses(wanted, shapes)), shapes) == wanted


@pytest.mark.parametrize("kind", ["low_rank", "rank", "sparse", "full"])
@pytest.mark.parametrize("rule", ["own", "all"])
def test_layers_that_one_choice_makes_are_known_again(rule: str, kind: str) -> None:
    rng = random.Random(1)
    for _ in range(100):
        shapes = {name: ConvShape(16, rng.randint(8, 90), (3, 3)) for name in "abc"}
        kinds = ["full", "low_rank", "sparse"] if rule == "all" else KINDS[kind]["coefficients"]
        own = offer(KINDS[kind] | {"coefficients": kinds}, shapes)
        wanted = own.layers(drawn(rng, kind), shapes)
        assert any(own.layers(guess, shapes) == wanted for guess in own.guesses(wanted, shapes))


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        # Of 6 and 16 primary filters: ratios below 2/6 and from 5/16, where 1.5/6 gives the wide one rank 4
        # and 5.5/16 the narrow one rank 2.
        ("low_rank", (LinearSpec(0.25, 1), LinearSpec(0.25, 5))),
        # Rank 4 is the largest of the narrow one that stores less than all: it stands for all above it.
        ("low_rank", (LinearSpec(0.25, 4), LinearSpec(0.25, 11))),
        ("rank", (LinearSpec(0.25, 4), LinearSpec(0.25, 11))),
        ("rank", (LinearSpec(0.25, 3), LinearSpec(0.25, 3))),
        # 4 of 24 primary filters are alphas from 3.5/24 to 4.5/24, 12 of 64 from 11.5/64 to 12.5/64.
        ("full", (LinearSpec(0.166667), LinearSpec(0.1875))),
        ("sparse", (LinearSpec(0.25, None, round(54 / 108, 9)), LinearSpec(0.25, None, round(386 / 768, 9)))),
    ],
)
def test_what_suits_both_layers_is_guessed(kind: str, wanted: tuple[LinearSpec, LinearSpec]) -> None:
    own, layers = offer(KINDS[kind]), dict(zip(SHAPES, wanted, strict=True))
    assert any(own.layers(guess, SHAPES) == layers for guess in own.guesses(layers, SHAPES))


def test_an_alpha_of_less_than_one_filter_is_raised_to_one() -> None:
    # 2 of 71 filters are alphas to 2.5/71 = 0.0352, 2 of 49 those from 1.5/49 = 0.0306; 1 of 10 all to 0.15.
    shapes = {str(out): ConvShape(16, out, (3, 3)) for out in (71, 10, 49)}
    specs = (LinearSpec(round(2 / 71, 6)), LinearSpec(0.1), LinearSpec(round(2 / 49, 6)))
    own, layers = offer(KINDS["full"], shapes), dict(zip(shapes, specs, strict=True))
    assert own.layers(Chosen(0.033, "full"), shapes) == layers
    assert any(own.layers(guess, shapes) == layers for guess in own.guesses(layers, shapes))


@pytest.mark.parametrize(
    ("wide", "kinds"),
    [
        (LinearSpec(0.25), {"full", "low_rank", "sparse"}),
        (LinearSpec(0.25, 5), {"low_rank"}),
        (LinearSpec(0.25, None, 0.5), {"sparse"}),
    ],
)
def test_guesses_are_of_the_kinds_that_a_rule_has_and_that_may_make_the_layers(
    wide: LinearSpec, kinds: set[str]
) -> None:
    layers = {"narrow": LinearSpec(0.25), "wide": wide}
    assert {guess.coefficients for guess in offer(KINDS["all"]).guesses(layers, SHAPES)} == kinds
    only = {guess.coefficients for guess in offer(KINDS["rank"]).guesses(layers, SHAPES)}
    assert only == kinds & {"low_rank"}

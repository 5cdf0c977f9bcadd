"""What a space offers to LinearConv layers, and where moves lead."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

from lcsearch.core.parameters import Replay
from lcsearch.layers.families import linear
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.layers.offer import Offer
from lcsearch.layers.shape import ConvShape

SHAPES = {"wide": ConvShape(16, 64, (3, 3)), "narrow": ConvShape(8, 24, (3, 3), bias=False)}
RULE = {
    "alpha": {"low": 0.05, "high": 0.75, "log": True},
    "coefficients": ["full", "low_rank", "sparse"],
    "rank_ratio": {"low": 0.1, "high": 0.5},
    "sparsity": {"low": 0.2, "high": 0.8},
}
RULES = {
    "everything": RULE,
    "absolute rank": {"coefficients": ["low_rank"], "rank": {"low": 1, "high": 9}, "alpha": RULE["alpha"]},
    "full": {"coefficients": ["full"], "alpha": RULE["alpha"]},
}


def offer(rule: dict[str, Any] = RULE) -> Offer[LinearSpec, Any]:
    return linear.FAMILY.offer(linear.FAMILY.rule.model_validate(rule), "group", SHAPES)


def moved(own: Offer[LinearSpec, Any], many: int = 200) -> list[Any]:
    """Where every move leads from the choices that the moves before it led to."""
    rng = np.random.default_rng(0)
    found = [own.keeping(0.3, rng)]
    for place in range(many):
        step = (own.nudged, own.changed, lambda one, rng: own.scaled(one, float(rng.uniform(0.2, 3.0))))
        found.append(step[place % 3](found[-1], rng))
    return found


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_moves_stay_in_the_space(rule: dict[str, Any]) -> None:
    """Each choice is one that a trial could have answered; a real rank is one that rounds to a whole one."""
    own = offer(rule)
    for choice in moved(own):
        assert {choice: 0}[choice] == 0, "a choice is a key"
        layers = own.layers(choice, SHAPES)
        again = next(one for one in own.guesses(layers, SHAPES) if own.layers(one, SHAPES) == layers)
        asked = own.suggest(Replay(own.answers(again, 1.0)), 1.0)
        assert own.layers(asked, SHAPES) == layers


def test_every_kind_of_coefficients_comes_up() -> None:
    made = [spec for choice in moved(offer()) for spec in offer().layers(choice, SHAPES).values()]
    assert any(spec.rank for spec in made)
    assert any(spec.sparsity for spec in made)
    assert any(spec.rank is None and spec.sparsity is None for spec in made)


def test_one_choice_is_for_all_members() -> None:
    own = offer()
    choice = own.suggest(Replay({"group/alpha": 0.25, "group/coefficients": "full"}), 1.0)
    assert own.layers(choice, SHAPES) == {"wide": LinearSpec(0.25), "narrow": LinearSpec(0.25)}
    half = own.suggest(Replay({"group/alpha": 0.25, "group/coefficients": "full"}), 0.5)
    assert own.layers(half, SHAPES) == {"wide": LinearSpec(0.125), "narrow": LinearSpec(0.125)}


def test_a_shrunk_alpha_stays_above_its_low_end() -> None:
    own = offer()
    least = own.suggest(Replay({"group/alpha": 0.06, "group/coefficients": "full"}), 0.01)
    assert own.share(least) == 0.05


def test_the_least_shrink_is_the_smallest_that_can_mean_a_choice() -> None:
    own = offer()
    choice = own.suggest(Replay({"group/alpha": 0.3, "group/coefficients": "full"}), 0.5)
    least = own.least_shrink(choice)
    assert least == pytest.approx(0.15 / 0.75)
    assert own.suggest(Replay(own.answers(choice, least)), least) == choice
    smaller = own.suggest(Replay(own.answers(choice, 0.9 * least)), 0.9 * least)
    assert own.share(smaller) < own.share(choice)


def test_a_rank_that_would_cost_more_than_the_matrix_is_lowered() -> None:
    own = offer({"coefficients": ["low_rank"], "rank": 9})
    layers = own.layers(own.suggest(Replay({"group/alpha": 0.25}), 1.0), SHAPES)
    assert layers["wide"].rank == 9
    assert layers["narrow"].rank == 4, "18·6 numbers against 4·(18 + 6)"
    tiny = own.layers(own.suggest(Replay({"group/alpha": 1 / 24}), 1.0), SHAPES)
    assert tiny["narrow"].rank is None, "one primary filter"


@pytest.mark.parametrize("end", ["smallest", "largest"])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_extremes_by_brute_force(rule: dict[str, Any], end: str) -> None:
    own = offer(rule)

    def size(choice: Any) -> int:
        layers = own.layers(choice, SHAPES)
        sizes = (
            linear.FAMILY.size(shape, layers[name]).stored if name in layers else shape.params
            for name, shape in SHAPES.items()
        )
        return sum(sizes)

    amounts = [
        {"group/rank_ratio": ratio, "group/rank": rank, "group/sparsity": sparsity}
        for ratio, rank, sparsity in zip((0.1, 0.3, 0.5), (1, 4, 9), (0.2, 0.5, 0.8), strict=True)
    ]
    sizes = [
        size(own.suggest(Replay({"group/alpha": alpha, "group/coefficients": kind} | amount), 1.0))
        for alpha in np.linspace(0.05, 0.75, 281)
        for kind, amount in itertools.product(rule["coefficients"], amounts)
    ]
    assert size(own.extreme(SHAPES, end)) == (min(sizes) if end == "smallest" else max(sizes))


@pytest.mark.parametrize("seed", range(6))
def test_extremes_of_other_spaces_by_brute_force(seed: int) -> None:
    rng = random.Random(seed)
    shapes = {name: ConvShape(rng.randint(1, 6), rng.randint(2, 30), (2, 2)) for name in "ab"}
    low, high = sorted((rng.uniform(0.01, 1.0), rng.uniform(0.01, 1.0)))
    kind = ("full", "sparse", "low_rank")[seed % 3]
    rule = linear.FAMILY.rule.model_validate({"alpha": {"low": low, "high": high}, "coefficients": [kind]})
    own = linear.FAMILY.offer(rule, "group", shapes)

    def size(choice: Any) -> int:
        specs = own.layers(choice, shapes)
        return sum(
            linear.FAMILY.size(shape, specs[name]).stored if name in specs else shape.params
            for name, shape in shapes.items()
        )

    amounts = {"full": [None], "sparse": [0.25, 0.6, 0.9], "low_rank": [0.05, 0.2, 0.5]}[kind]
    sizes = [size(Chosen(alpha, kind, one)) for alpha in np.linspace(low, high, 400) for one in amounts]
    assert size(own.extreme(shapes, "smallest")) == min(sizes)
    assert size(own.extreme(shapes, "largest")) == max(sizes)


def test_scaled_choices_keep_about_so_many_times_as_much() -> None:
    own = offer()
    choice = own.suggest(Replay({"group/alpha": 0.25, "group/coefficients": "full"}), 1.0)
    assert own.share(own.scaled(choice, 0.5)) == 0.125
    assert own.share(own.scaled(choice, 0.51)) == 0.125, "a whole number of the widest member's filters"
    assert own.share(own.scaled(choice, 100.0)) == 0.75


def test_what_keeps_a_share_has_mostly_full_coefficients() -> None:
    own, rng = offer(), np.random.default_rng(0)
    made = [own.layers(own.keeping(0.25, rng), SHAPES)["wide"] for _ in range(400)]
    assert {spec.alpha for spec in made} == {0.25}
    full = sum(spec.rank is None and spec.sparsity is None for spec in made) / len(made)
    assert 0.75 < full < 0.85, "seven in ten, and a third of the others"


def test_measured_specs_are_offered_as_far_as_the_rule_allows() -> None:
    own, shape = offer(), SHAPES["wide"]
    for spec in (LinearSpec(0.25), LinearSpec(0.25, 8)):
        (choice,) = own.near(spec, shape)
        assert own.layers(choice, SHAPES)["wide"] == spec
    assert not list(own.near(LinearSpec(0.015625), shape)), "below the range of alpha"
    assert not list(own.near(LinearSpec(0.25, None, 0.5), shape)), "sparse coefficients are not measured"
    assert not list(offer(RULES["absolute rank"]).near(LinearSpec(0.25), shape))
    (choice,) = offer(RULES["absolute rank"]).near(LinearSpec(0.25, 8), shape)
    assert offer(RULES["absolute rank"]).layers(choice, SHAPES)["wide"].rank == 8


def test_what_one_picks_by_hand_need_not_lie_in_the_rule() -> None:
    own = offer(RULES["absolute rank"])
    assert own.at_share(0.875, SHAPES)["wide"] == LinearSpec(0.875)
    assert (own.allowed(0.875), own.allowed(0.5), own.allowed(0.01)) == (0.75, 0.5, 0.05)

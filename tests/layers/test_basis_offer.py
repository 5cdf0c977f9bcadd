"""Choices for basis layers by hand: what they make, what answers them, and where moves lead.

A 3x3 convolution of 64 to 128 channels has 73,728 numbers; a bank of Q filters 576 Q, its mixing 128 Q.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lcsearch.core.parameters import Replay
from lcsearch.layers.basis_offer import Chosen
from lcsearch.layers.families import basis
from lcsearch.layers.families.basis import BasisSpec
from lcsearch.layers.offer import Offer
from lcsearch.layers.shape import ConvShape

SHAPES = {"wide": ConvShape(64, 128, (3, 3))}
TWO = SHAPES | {"narrow": ConvShape(12, 16, (3, 1), bias=False)}
ALL = {"bank": ["fitted", "random", "trained"], "bank_seed": 7, "filters": {"low": 0.05, "high": 0.8}}


def offer(rule: Mapping[str, Any] = ALL, shapes: Mapping[str, ConvShape] = SHAPES) -> Offer[BasisSpec, Any]:
    return basis.FAMILY.offer(basis.FAMILY.rule.model_validate(rule), "group", shapes)


def test_parameters_are_the_filters_and_the_bank() -> None:
    assert [parameter.name for parameter in offer().parameters] == ["group/filters", "group/bank"]
    assert [parameter.searched for parameter in offer({"filters": 0.5}).parameters] == [False, False]


@pytest.mark.parametrize(
    ("own", "shrink", "answers"),
    [
        (Chosen(0.2, "random"), 1.0, {"filters": 0.2, "bank": "random"}),
        (Chosen(0.2, "fitted"), 0.5, {"filters": 0.4, "bank": "fitted"}),
        (Chosen(0.05, "trained"), 0.01, {"filters": 0.8, "bank": "trained"}),
    ],
)
def test_answers_and_what_they_make(own: Chosen, shrink: float, answers: dict[str, Any]) -> None:
    named = {f"group/{name}": value for name, value in answers.items()}
    assert offer().answers(own, shrink) == named
    assert offer().suggest(Replay(named), shrink) == own


def test_one_share_is_for_all_members_and_none_has_no_filter() -> None:
    made = offer(shapes=TWO).layers(Chosen(0.25, "random"), TWO)
    assert made == {"wide": BasisSpec(32, bank_seed=7), "narrow": BasisSpec(4, bank_seed=7)}
    made = offer(shapes=TWO).layers(Chosen(0.01, "trained"), TWO)
    assert made == {"wide": BasisSpec(1, train_basis=True), "narrow": BasisSpec(1, train_basis=True)}


def test_a_layer_that_stores_no_less_stays_plain() -> None:
    """104 · (576 + 128) of 73,728 numbers save; 105 do not. Of 576, 12 · (36 + 16) are too many."""
    assert offer(shapes=TWO).layers(Chosen(104 / 128, "fitted"), TWO) == {"wide": BasisSpec(104)}
    assert offer(shapes=TWO).layers(Chosen(105 / 128, "fitted"), TWO) == {}


@pytest.mark.parametrize("banks", [["fitted"], ["random", "trained"]], ids=str)
def test_layers_that_one_choice_makes_are_known_again(banks: list[str]) -> None:
    rng = random.Random(1)
    for _ in range(100):
        kernels = [rng.choice([(3, 3), (2, 3), (5, 5)]) for _ in "abc"]
        shapes = {
            name: ConvShape(rng.randint(1, 70), rng.randint(1, 70), kernel)
            for name, kernel in zip("abc", kernels, strict=True)
        }
        own = offer({"filters": {"low": 0.01, "high": 1.0}, "bank": banks}, shapes)
        wanted = own.layers(Chosen(rng.uniform(0.01, 1.0), rng.choice(banks)), shapes)
        found = [guess for guess in own.guesses(wanted, shapes) if own.layers(guess, shapes) == wanted]
        assert found or not wanted
        for guess in found[:1]:
            assert own.suggest(Replay(own.answers(guess, 1.0)), 1.0) == guess


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        (BasisSpec(32), [Chosen(0.25, "fitted")]),
        (BasisSpec(32, bank_seed=7), [Chosen(0.25, "random")]),
        (BasisSpec(32, bank_seed=8), []),
        (BasisSpec(127), []),
    ],
)
def test_what_is_near_a_spec(spec: BasisSpec, near: list[Chosen]) -> None:
    assert list(offer().near(spec, SHAPES["wide"])) == near
    found = list(offer().guesses({"wide": spec}, SHAPES))
    assert all(offer().layers(one, SHAPES) != {"wide": spec} for one in found) == (not near)


@pytest.mark.parametrize("end", ["smallest", "largest"])
@pytest.mark.parametrize("shapes", [SHAPES, TWO, {"tiny": ConvShape(3, 4, (3, 3))}], ids=["1", "2", "tiny"])
def test_extremes_by_brute_force(shapes: dict[str, ConvShape], end: str) -> None:
    own = offer(ALL, shapes)

    def size(choice: Chosen) -> int:
        layers = own.layers(choice, shapes)
        sizes = basis.FAMILY.sizes(shapes, layers)
        return sum(sizes[name].stored if name in layers else shape.params for name, shape in shapes.items())

    every = itertools.product([0.05 + 0.75 * step / 300 for step in range(301)], ALL["bank"])
    sizes = [size(Chosen(*one)) for one in every]
    assert size(own.extreme(shapes, end)) == (min(sizes) if end == "smallest" else max(sizes))


@pytest.mark.parametrize(
    ("own", "share"),
    [
        (Chosen(0.25, "fitted"), 32 * (576 + 128) / 73_728),
        (Chosen(0.25, "random"), 32 * 128 / 73_728),
        (Chosen(0.25, "trained"), 32 * (576 + 128 + 2) / 73_728),
        (Chosen(1.0, "fitted"), 1.0),
    ],
)
def test_the_share_is_that_of_the_stored_numbers(own: Chosen, share: float) -> None:
    assert offer().share(own) == pytest.approx(share)


def test_the_share_of_two_layers_is_that_of_both_together() -> None:
    """All filters of the narrow one are 16, of 36 numbers."""
    fitted, random = 128 * (576 + 128) + 16 * (36 + 16), 128 * 128 + 16 * 16
    plain = 73_728 + 576
    assert offer(shapes=TWO).share(Chosen(0.25, "fitted")) == pytest.approx(0.25 * fitted / plain)
    assert offer(shapes=TWO).share(Chosen(0.25, "random")) == pytest.approx(0.25 * random / plain)


def test_with_the_least_factor_and_every_greater_one_a_choice_is_answered() -> None:
    own, choice = offer(), Chosen(0.2, "random")
    least = own.least_shrink(choice)
    assert least == pytest.approx(0.2 / 0.8)
    for shrink in np.linspace(least, 1.0, 20).tolist():
        found = own.suggest(Replay(own.answers(choice, shrink)), shrink)
        assert found == (pytest.approx(0.2), "random")


def test_moves_keep_what_they_say() -> None:
    rng, own = np.random.default_rng(0), offer()
    for _ in range(50):
        kept = own.keeping(0.08, rng)
        assert own.share(kept) == pytest.approx(0.08, rel=0.1) and (kept.filters * 128) % 1 == 0
        other = own.changed(kept, rng)
        assert other.bank != kept.bank and own.share(other) == pytest.approx(own.share(kept), rel=0.25)
        moved = own.nudged(kept, rng)
        assert moved.bank == kept.bank and 0.05 <= moved.filters <= 0.8
    assert own.scaled(Chosen(0.25, "random"), 2.0) == Chosen(0.5, "random")
    assert own.scaled(Chosen(0.25, "random"), 8.0) == Chosen(0.8, "random")
    assert offer({}).scaled(Chosen(0.25, "fitted"), 0.01) == Chosen(1 / 64, "fitted"), "the rule's low"
    few = offer({"filters": {"low": 0.001, "high": 1.0}})
    assert few.scaled(Chosen(0.25, "fitted"), 0.001) == Chosen(1 / 128, "fitted"), "one filter is the least"
    alone = offer({})
    assert alone.changed(Chosen(0.25, "fitted"), rng).bank == "fitted"


def test_a_nudge_makes_more_filters_or_less() -> None:
    rng, own = np.random.default_rng(0), offer()
    found = {own.nudged(Chosen(0.25, "random"), rng).filters for _ in range(50)}
    assert min(found) < 0.25 < max(found) and len(found) > 10
    assert all((filters * 128).is_integer() for filters in found if 0.05 < filters < 0.8)


def test_layers_with_two_kinds_of_banks_come_from_no_choice() -> None:
    wanted = {"wide": BasisSpec(32), "narrow": BasisSpec(4, bank_seed=7)}
    assert list(offer(shapes=TWO).guesses(wanted, TWO)) == []


def test_one_share_by_hand() -> None:
    assert offer().at_share(0.25, SHAPES) == {"wide": BasisSpec(32)}
    assert offer({"bank": ["random"]}).at_share(0.25, SHAPES) == {"wide": BasisSpec(32, bank_seed=0)}
    assert (offer().allowed(0.01), offer().allowed(0.9)) == (0.05, 0.8)

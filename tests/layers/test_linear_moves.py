"""Choices for LinearConv layers by hand: what they make, what answers them, and where moves lead.

What draws random numbers is given them here, in the order in which it must ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lcsearch.core.parameters import Replay
from lcsearch.layers.families import linear
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.layers.offer import Offer
from lcsearch.layers.shape import ConvShape

SHAPES = {"narrow": ConvShape(8, 24, (3, 3), bias=False), "wide": ConvShape(16, 64, (3, 3))}
ALPHA = {"low": 0.05, "high": 0.75, "log": True}
RULE = {
    "alpha": ALPHA,
    "coefficients": ["full", "low_rank", "sparse"],
    "rank_ratio": {"low": 0.1, "high": 0.5},
    "sparsity": {"low": 0.2, "high": 0.8},
}
LOG_RATIO = RULE | {"rank_ratio": {"low": 0.02, "high": 0.5, "log": True}}
RANK = {"coefficients": ["low_rank"], "rank": {"low": 1, "high": 9}, "alpha": ALPHA}


def offer(rule: Mapping[str, Any] = RULE, shapes: Mapping[str, ConvShape] = SHAPES) -> Offer[LinearSpec, Any]:
    return linear.FAMILY.offer(linear.FAMILY.rule.model_validate(rule), "group", shapes)


class Given:
    """A generator of given numbers; asking for others, or for more, is an error."""

    def __init__(self, *numbers: tuple[str, float]) -> None:
        self._numbers: Iterator[tuple[str, float]] = iter(numbers)

    def _next(self, kind: str) -> float:
        asked, number = next(self._numbers)
        assert asked == kind
        return number

    def random(self) -> float:
        return self._next("random")

    def standard_normal(self) -> float:
        return self._next("normal")

    def integers(self, below: int) -> int:
        number = int(self._next(f"of {below}"))
        assert number < below
        return number

    def ended(self) -> bool:
        return next(self._numbers, None) is None


UP, DOWN = (("of 3", 2), ("normal", 1.0)), (("of 3", 1), ("normal", -1.0))
"""Factors e^0.8 = 2.226 and e^-0.3 = 0.741."""
FULL, SPARSE, LOW_RANK = Chosen(0.25, "full"), Chosen(0.25, "sparse", 0.5), Chosen(0.25, "low_rank", 0.4)


@pytest.mark.parametrize(
    ("rule", "own", "numbers", "expected"),
    [
        (RULE, FULL, UP, Chosen(36 / 64, "full")),
        (RULE, FULL, DOWN, Chosen(12 / 64, "full")),
        (RULE, Chosen(0.5, "full"), UP, Chosen(0.75, "full")),
        (RULE, SPARSE, (*UP, ("random", 0.5)), Chosen(36 / 64, "sparse", 0.5)),
        (RULE, SPARSE, (*UP, ("random", 0.49), *DOWN), Chosen(36 / 64, "sparse", 0.63)),
        (RULE, SPARSE, (*UP, ("random", 0.0), *UP), Chosen(36 / 64, "sparse", 0.2)),
        (RULE, LOW_RANK, (*UP, ("random", 0.2), *DOWN), Chosen(36 / 64, "low_rank", 0.3)),
        (RULE, LOW_RANK, (*UP, ("random", 0.2), *UP), Chosen(36 / 64, "low_rank", 0.5)),
        (RANK, Chosen(0.25, "low_rank", 4), (*UP, ("random", 0.2), *DOWN), Chosen(36 / 64, "low_rank", 2.96)),
    ],
)  # fmt: skip
def test_a_nudge_moves_alpha_and_half_the_time_the_amount(
    rule: dict[str, Any], own: Chosen, numbers: Any, expected: Chosen
) -> None:
    chance: Any = Given(*numbers)
    assert offer(rule).nudged(own, chance) == expected
    assert chance.ended()


@pytest.mark.parametrize(
    ("rule", "numbers", "expected"),
    [
        (RULE, (("random", 0.69),), Chosen(19 / 64, "full")),
        (RULE, (("random", 0.7), ("of 3", 0)), Chosen(19 / 64, "full")),
        (RULE, (("random", 0.7), ("of 3", 1), ("random", 0.25)), Chosen(19 / 64, "low_rank", 0.2)),
        (RULE, (("random", 0.7), ("of 3", 2), ("random", 0.251)), Chosen(19 / 64, "sparse", 0.35)),
        (LOG_RATIO, (("random", 0.7), ("of 3", 1), ("random", 0.5)), Chosen(19 / 64, "low_rank", 0.1)),
        (LOG_RATIO, (("random", 0.7), ("of 3", 1), ("random", 0.0)), Chosen(19 / 64, "low_rank", 0.02)),
        (RANK, (("of 1", 0), ("random", 0.4)), Chosen(19 / 64, "low_rank", 4.2)),
    ],
)
def test_what_keeps_a_share(rule: dict[str, Any], numbers: Any, expected: Chosen) -> None:
    chance: Any = Given(*numbers)
    assert offer(rule).keeping(0.3, chance) == expected
    assert chance.ended()


def test_a_change_keeps_alpha_and_draws_the_coefficients() -> None:
    for kind, expected in ((0, Chosen(0.3, "full")), (2, Chosen(0.3, "sparse", 0.5))):
        chance: Any = Given(("of 3", kind), ("random", 0.5))
        assert offer().changed(Chosen(0.3, "low_rank", 0.4), chance) == expected


def test_scaling_moves_alpha_alone() -> None:
    own = Chosen(0.25, "sparse", 0.5)
    assert offer().scaled(own, 2.0) == Chosen(0.5, "sparse", 0.5)
    assert offer().scaled(own, 1.19) == Chosen(19 / 64, "sparse", 0.5)
    assert offer().scaled(own, 0.1) == Chosen(0.05, "sparse", 0.5)


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (RULE, ["alpha", "coefficients", "rank_ratio", "sparsity"]),
        (RANK, ["alpha", "coefficients", "rank"]),
        ({"coefficients": ["sparse", "full"]}, ["alpha", "coefficients", "sparsity"]),
        ({}, ["alpha", "coefficients"]),
    ],
)
def test_parameters_are_what_the_kinds_ask_for(rule: dict[str, Any], names: list[str]) -> None:
    assert [parameter.name for parameter in offer(rule).parameters] == [f"group/{name}" for name in names]


@pytest.mark.parametrize(
    ("own", "shrink", "answers"),
    [
        (Chosen(0.25, "sparse", 0.5), 0.5, {"alpha": 0.5, "coefficients": "sparse", "sparsity": 0.5}),
        (Chosen(0.25, "low_rank", 0.4), 1.0, {"alpha": 0.25, "coefficients": "low_rank", "rank_ratio": 0.4}),
        (Chosen(0.25, "full"), 0.1, {"alpha": 0.75, "coefficients": "full"}),
    ],
)
def test_answers_and_what_they_make(own: Chosen, shrink: float, answers: dict[str, Any]) -> None:
    named = {f"group/{name}": value for name, value in answers.items()}
    assert offer().answers(own, shrink) == named
    assert offer().suggest(Replay(named), shrink) == own._replace(alpha=answers["alpha"] * shrink)


@pytest.mark.parametrize(
    ("rule", "own", "expected"),
    [
        (RULE, Chosen(0.25, "full"), {"narrow": LinearSpec(0.25), "wide": LinearSpec(0.25)}),
        (RULE, Chosen(0.25, "sparse", 0.5),
         {"narrow": LinearSpec(0.25, None, 0.5), "wide": LinearSpec(0.25, None, 0.5)}),
        # Of 6 and 16 primary filters; factors of rank 5 would store more than 6 * 18 coefficients.
        (RULE, Chosen(0.25, "low_rank", 0.5), {"narrow": LinearSpec(0.25, 3), "wide": LinearSpec(0.25, 8)}),
        (RULE, Chosen(0.25, "low_rank", 0.9), {"narrow": LinearSpec(0.25, 4), "wide": LinearSpec(0.25, 11)}),
        (RANK, Chosen(0.25, "low_rank", 4.6), {"narrow": LinearSpec(0.25, 4), "wide": LinearSpec(0.25, 5)}),
        (RANK, Chosen(0.02, "low_rank", 3), {"narrow": LinearSpec(0.041667), "wide": LinearSpec(0.015625)}),
        (RULE, Chosen(1.0, "low_rank", 0.5), {}),
        (RULE, Chosen(0.99, "full"), {"wide": LinearSpec(0.984375)}),
    ],
)  # fmt: skip
def test_layers_of_a_choice(rule: dict[str, Any], own: Chosen, expected: dict[str, LinearSpec]) -> None:
    assert offer(rule).layers(own, SHAPES) == expected


@pytest.mark.parametrize(
    ("rule", "spec", "expected"),
    [
        (RULE, LinearSpec(0.25), [Chosen(0.25, "full")]),
        (RULE, LinearSpec(0.25, 8), [Chosen(0.25, "low_rank", 0.5)]),
        (RULE, LinearSpec(0.05), [Chosen(0.05, "full")]),
        (RULE, LinearSpec(0.75), [Chosen(0.75, "full")]),
        (RULE, LinearSpec(0.76), []),
        (RULE, LinearSpec(0.25, None, 0.5), []),
        (RANK, LinearSpec(0.25, 8), [Chosen(0.25, "low_rank", 8)]),
        (RANK, LinearSpec(0.25), []),
    ],
)
def test_choices_near_a_spec(rule: dict[str, Any], spec: LinearSpec, expected: list[Chosen]) -> None:
    assert list(offer(rule).near(spec, SHAPES["wide"])) == expected


def test_shares_are_alphas() -> None:
    own = offer()
    assert own.share(Chosen(0.3, "full")) == 0.3
    assert own.least_shrink(Chosen(0.3, "full")) == pytest.approx(0.4)
    assert [own.allowed(share) for share in (0.01, 0.3, 0.9)] == [0.05, 0.3, 0.75]
    assert own.at_share(0.5, SHAPES) == {"narrow": LinearSpec(0.5), "wide": LinearSpec(0.5)}


def test_a_shrunk_alpha_stays_in_the_range() -> None:
    asked = Replay({"group/alpha": 0.06, "group/coefficients": "full"})
    assert offer().suggest(asked, 0.1) == Chosen(0.05, "full")

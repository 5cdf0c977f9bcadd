"""What offers of all families share."""

from __future__ import annotations

import numpy as np
from bank_family import FAMILY, BankRule
from pydantic import Field

from lcsearch.core.ranges import Count
from lcsearch.layers.offer import Rule, nudge
from lcsearch.layers.shape import ConvShape

SHAPES = {"first": ConvShape(8, 8, (3, 3)), "second": ConvShape(8, 12, (3, 3))}


class Two(Rule):
    """One number that is always there, one that need not be."""

    size: Count = Field(default=Count(low=1, high=4), description="A size.")
    depth: Count | None = Field(default=None, description="A depth.")


def test_what_a_rule_leaves_out_is_not_shown() -> None:
    assert Two().shown() == {"size": Count(low=1, high=4)}
    assert Two(depth=Count(low=2, high=2)).shown() == {
        "size": Count(low=1, high=4),
        "depth": Count(low=2, high=2),
    }


def test_an_offer_knows_its_group_and_members() -> None:
    offer = FAMILY.offer(BankRule(), "features.8", SHAPES)
    assert (offer.group, offer.members) == ("features.8", ("first", "second"))


def test_a_family_without_more_to_say_shrinks_nothing_and_has_one_kind() -> None:
    offer = FAMILY.offer(BankRule(), "features.8", SHAPES)
    assert offer.least_shrink((4,)) == 0.0
    for seed in range(20):
        moved = [move((4,), np.random.default_rng(seed)) for move in (offer.changed, offer.nudged)]
        assert moved[0] == moved[1]


def test_a_nudge_is_a_step_of_one_of_three_sizes_on_a_log_scale() -> None:
    rng = np.random.default_rng(0)
    steps = np.log([nudge(rng) for _ in range(4000)])
    assert abs(steps.mean()) < 0.03
    assert abs(steps.std() - np.sqrt((0.1**2 + 0.3**2 + 0.8**2) / 3)) < 0.03
    # Kurtosis of a mixture of normal distributions: far from the 3 of a single one.
    kurtosis = 3 * (0.1**4 + 0.3**4 + 0.8**4) / 3 / ((0.1**2 + 0.3**2 + 0.8**2) / 3) ** 2
    assert abs((steps**4).mean() / (steps**2).mean() ** 2 - kurtosis) < 0.6

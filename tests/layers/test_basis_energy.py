"""Choices of basis layers by energy, of two layers whose singular values are known.

The squares of the singular values of `wide` are 8, 4, 2, 1, 1: filters keep 8, 12, 14, 15 and 16 of 16 parts.
Those of `narrow` are 3 and 1: its filters keep 3/4 and all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.core.parameters import Replay
from lcsearch.core.ranges import Share
from lcsearch.layers.basis_conversion import filters_for
from lcsearch.layers.basis_offer import Chosen
from lcsearch.layers.families import basis
from lcsearch.layers.families.basis import BasisFamily, BasisSpec
from lcsearch.layers.offer import Offer
from lcsearch.layers.shape import Shapes
from lcsearch.nets.replaceable import shape_of
from lcsearch.testing._offers import check_offer


def conv(squares: list[float], channels: int) -> nn.Conv2d:
    """A convolution whose filters have singular values of these squares, their directions drawn."""
    made = nn.Conv2d(channels, len(squares), 3)
    rotations = (torch.linalg.qr(torch.randn(size, len(squares)))[0] for size in (len(squares), 9 * channels))
    left, right = rotations
    with torch.no_grad():
        made.weight.copy_((left * torch.tensor(squares).sqrt() @ right.T).view(made.weight.shape))
    return made


torch.manual_seed(0)
CONVS = {"wide": conv([8.0, 4.0, 2.0, 1.0, 1.0], 40), "narrow": conv([3.0, 1.0], 20)}
SHAPES = {name: shape_of(one) for name, one in CONVS.items()}
RANGE = {"low": 0.2, "high": 0.99}


def offer(learned: bool = True, **own: Any) -> Offer[BasisSpec, Any]:
    made = basis.FAMILY.offer(basis.FAMILY.rule.model_validate({"energy": RANGE} | own), "group", SHAPES)
    if learned:
        made.learn(CONVS)
    return made


def filters(made: Mapping[str, BasisSpec]) -> tuple[int | None, ...]:
    return tuple(made[name].filters if name in made else None for name in SHAPES)


@pytest.mark.parametrize(
    ("energy", "wanted"), [(0.2, (1, 1)), (0.49, (1, 1)), (0.51, (2, 1)), (0.76, (3, None)), (0.9, (4, None))]
)
def test_each_layer_has_the_fewest_filters_that_keep_the_energy(
    energy: float, wanted: tuple[int | None, ...]
) -> None:
    """All filters of `narrow` save nothing: it stays plain."""
    assert filters(offer().layers(Chosen(energy, "fitted"), SHAPES)) == wanted
    assert [filters_for(CONVS[name], energy) for name in SHAPES] == [wanted[0], wanted[1] or 2]


def test_an_energy_is_asked_for_and_no_common_factor_changes_it() -> None:
    assert [parameter.name for parameter in offer().parameters] == ["group/energy", "group/bank"]
    answers = {"group/energy": 0.6, "group/bank": "fitted"}
    for shrink in (1.0, 0.25):
        assert offer().suggest(Replay(answers), shrink) == Chosen(0.6, "fitted")
        assert offer().answers(Chosen(0.6, "fitted"), shrink) == answers
    assert offer().least_shrink(Chosen(0.6, "fitted")) == 0


def test_before_anything_is_known_no_model_is_smaller_than_the_smallest_said() -> None:
    assert filters(offer(learned=False).layers(Chosen(0.99, "fitted"), SHAPES)) == (1, 1)


@pytest.mark.parametrize("banks", [["fitted"], ["random", "trained"]], ids=str)
def test_layers_that_an_energy_makes_are_known_again(banks: list[str]) -> None:
    own = offer(bank=banks)
    for energy in np.linspace(0.2, 0.99, 40).tolist():
        for bank in banks:
            wanted = own.layers(Chosen(energy, bank), SHAPES)
            assert any(own.layers(guess, SHAPES) == wanted for guess in own.guesses(wanted, SHAPES))
    assert all(own.layers(one, SHAPES) != {"wide": BasisSpec(1), "narrow": BasisSpec(2)}
               for one in own.guesses({"wide": BasisSpec(1), "narrow": BasisSpec(2)}, SHAPES))  # fmt: skip


def test_what_is_near_a_spec_keeps_its_filters() -> None:
    found = list(offer().near(BasisSpec(3), SHAPES["wide"]))
    assert any(offer().layers(one, SHAPES)["wide"] == BasisSpec(3) for one in found)
    low = offer(energy={"low": 0.2, "high": 0.6})
    found = list(low.near(BasisSpec(3), SHAPES["wide"]))
    assert all(low.layers(one, SHAPES)["wide"] != BasisSpec(3) for one in found)
    assert not list(low.near(BasisSpec(3, bank_seed=1), SHAPES["wide"])), "a bank that is no choice"


def test_a_share_is_that_of_the_stored_numbers_and_moves_lead_to_it() -> None:
    plain = 5 * 360 + 2 * 180
    own, choice = offer(), Chosen(0.51, "fitted")
    assert own.share(choice) == pytest.approx((2 * (360 + 5) + 1 * (180 + 2)) / plain)
    assert own.share(Chosen(0.51, "fitted")) < own.share(own.scaled(choice, 1.4)) < 1
    assert own.scaled(choice, 1e-6) == Chosen(0.2, "fitted") and own.scaled(choice, 9.0) == Chosen(
        0.99, "fitted"
    )
    rng = np.random.default_rng(0)
    assert own.share(own.keeping(0.42, rng)) == pytest.approx(0.42, abs=0.1)
    nudged = {own.nudged(choice, rng).filters for _ in range(40)}
    assert min(nudged) < 0.5 and max(nudged) > 0.75 and all(0.2 <= energy <= 0.99 for energy in nudged)


def test_thinner_layers_have_the_same_share_of_the_most() -> None:
    """Three of five filters are two of four, rounded, and two of three."""
    halved = {**SHAPES, "wide": shape_of(nn.Conv2d(40, 4, 3))}
    own = offer()
    made = own.layers(Chosen(0.8, "fitted"), halved)
    assert made["wide"].filters == math.floor(4 * 3 / 5 + 0.5)
    assert any(own.layers(guess, halved) == made for guess in own.guesses(made, halved))


class Learned(BasisFamily):
    """Offers that know trained layers."""

    def offer(self, rule: Any, group: str, shapes: Shapes) -> Any:
        made = super().offer(rule, group, shapes)
        made.learn({name: nn.Conv2d(s.in_channels, s.out_channels, s.kernel) for name, s in shapes.items()})
        return made


def test_what_is_offered_keeps_the_contract() -> None:
    torch.manual_seed(0)
    check_offer(Learned(), basis.FAMILY.rule(energy=Share(**RANGE), bank=["fitted", "random", "trained"]))


def test_by_hand_a_share_of_filters_is_had_whatever_it_keeps() -> None:
    assert filters(offer().at_share(0.6, SHAPES)) == (3, 1)
    assert offer().allowed(0.01) == pytest.approx((1 / 5 + 1 / 2) / 2) and offer().allowed(1.0) == 1.0
    assert offer(energy={"low": 0.2, "high": 0.6}).allowed(1.0) == pytest.approx((2 / 5 + 1 / 2) / 2)

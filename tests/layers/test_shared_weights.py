"""What share of all numbers filters make, by hand.

A 3x3 convolution of 8 to 8 channels has 576 numbers. A bank of all 72 filters has 72 · 72, and each of its
two layers 10 · 72 for what mixes and normalises them; 8 unique filters of 72 + 10 numbers make any layer.
"""

from __future__ import annotations

import pytest

from lcsearch.core.parameters import Number
from lcsearch.core.ranges import Share
from lcsearch.layers.shape import ConvShape
from lcsearch.layers.shared_choice import Chosen, Way
from lcsearch.layers.shared_weights import Weights

ALL = 3 * 576
BANK, UNIQUE = (72 * 72 + 2 * 10 * 72) / ALL, 8 * 82 / ALL


def way(*banks: tuple[str, ...]) -> Way:
    layers = tuple(sorted(name for bank in banks for name in bank))
    number = Number("n", Share(low=0.1, high=1.0))
    return Way(banks, layers, (number,) * len(banks), (number,) * len(layers))


@pytest.fixture(params=[True, False], ids=["biases", "none"])
def weights(request: pytest.FixtureRequest) -> Weights:
    """Of two layers that share, and one that stays as it is."""
    return Weights(way(("a", "b")), dict.fromkeys("abc", ConvShape(8, 8, (3, 3), bias=request.param)))


def test_a_choice_makes_what_stays_its_banks_and_its_own_filters(weights: Weights) -> None:
    own = Chosen("stage", (0.25,), (0.5, 0.125))
    assert weights(way(("a", "b")), own) == pytest.approx(1 / 3 + 0.25 * BANK + 0.625 * UNIQUE)


def test_shared_filters_alone_make_a_share_and_are_found_by_it(weights: Weights) -> None:
    assert weights.share_at(0.125) == pytest.approx(1 / 3 + 0.125 * BANK)
    assert weights.shared_at(1 / 3 + 0.125 * BANK) == pytest.approx(0.125)
    assert 0 < weights.shared_at(0.2) < 1e-6, "what stays plain is more than that already"


def test_unique_filters_make_a_share_of_their_own(weights: Weights) -> None:
    assert weights.unique_at(0.25) == pytest.approx(0.25 / (2 * UNIQUE))


def test_each_bank_weighs_as_much_as_its_layers() -> None:
    shapes = dict.fromkeys("abcd", ConvShape(8, 8, (3, 3))) | dict.fromkeys("ef", ConvShape(16, 16, (3, 3)))
    two = way(("a", "b", "c", "d"), ("e", "f"))
    found = Weights(two, shapes)(two, Chosen("stage", (0.5, 0.25), (0.0,) * 6))
    whole = 4 * 576 + 2 * 16 * 144
    banks = 0.5 * (72 * 72 + 4 * 10 * 72) + 0.25 * (144 * 144 + 2 * 18 * 144)
    assert found == pytest.approx(banks / whole)

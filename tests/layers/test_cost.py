"""The cost model, worked out by hand."""

from __future__ import annotations

import pytest
import torch

from lcsearch.layers import cost
from lcsearch.layers.cost import Chooser, Plan, Use, check_compute, use_of
from lcsearch.layers.geometry import Geometry

ONE_GROUP = Plan(p=64, s=64, depth=3, window=9, groups=1, banks=1)
FEW_PRIMARIES = Plan(p=63, s=65, depth=3, window=9, groups=1, banks=1)
COMMON_BANK = Plan(p=64, s=64, depth=4, window=9, groups=2, banks=1)
OWN_BANKS = Plan(p=64, s=64, depth=4, window=9, groups=2, banks=2)
CALL = 4_000_000


@pytest.mark.parametrize(
    ("plan", "use", "expected"),
    [
        # A convolution of 3 channels costs as much as one of 8 where it is differentiated; a number of a map
        # that is written and read costs 28; the 64 secondary outputs are mixed of 64.
        (ONE_GROUP, "training", 64 * 8 * 9 + 64 * 28 + 64 * 64),
        (ONE_GROUP, "images", 64 * 3 * 9 + 64 * 100 + 64 * 64),
        (ONE_GROUP, "evaluation", 64 * 3 * 9 + 64 * 50 + 128 * 64),
        # 63 filters cost as much as 64, and the primary outputs are mixed again.
        (FEW_PRIMARIES, "training", 64 * 8 * 9 + 63 * 28 + 128 * 63),
        (FEW_PRIMARIES, "images", 64 * 3 * 9 + 63 * 100 + 128 * 63),
        # Both groups need the outputs of all 64 primaries.
        (COMMON_BANK, "training", 128 * 8 * 9 + 128 * 28 + 128 * 64),
        (COMMON_BANK, "evaluation", 128 * 4 * 9 + 128 * 50 + 128 * 64),
        # Each group needs its own 32 alone.
        (OWN_BANKS, "training", 64 * 8 * 9 + 64 * 28 + 128 * 32),
        (OWN_BANKS, "images", 64 * 4 * 9 + 64 * 100 + 128 * 32),
    ],
)
def test_feature_space(plan: Plan, use: Use, expected: int) -> None:
    assert plan.feature_cost(10, use) == 10 * expected + CALL


@pytest.mark.parametrize(
    ("plan", "use", "expected"),
    [
        (ONE_GROUP, "training", 10 * 128 * 8 * 9 + 64 * 64 * 27),
        (ONE_GROUP, "images", 10 * 128 * 3 * 9 + 64 * 64 * 27),
        (ONE_GROUP, "evaluation", 10 * 128 * 3 * 9),
        (OWN_BANKS, "training", 10 * 128 * 8 * 9 + 64 * 32 * 36),
        (Plan(9, 8, 8, 1, 1, 1), "evaluation", 10 * 32 * 8),
        (Plan(8, 8, 9, 1, 1, 1), "training", 10 * 16 * 16 + 8 * 8 * 9),
    ],
)
def test_weight_space(plan: Plan, use: Use, expected: int) -> None:
    assert plan.weight_cost(10, use) == expected


def test_feature_space_must_be_cheaper_not_equal() -> None:
    # 16 * 107 + 16 * 50 + 32 * 16 against 32 * 107: 400 less a position, so the call is paid by 10,000.
    plan = Plan(p=16, s=16, depth=107, window=1, groups=1, banks=1)
    assert plan.feature_cost(10_000, "evaluation") == plan.weight_cost(10_000, "evaluation")
    assert plan.way(10_000, "evaluation") == "weight"
    assert plan.way(10_001, "evaluation") == "feature"


def test_without_secondary_filters_there_is_nothing_to_mix() -> None:
    assert Plan(p=16, s=0, depth=512, window=9, groups=1, banks=1).way(1_000_000, "training") == "weight"


def test_a_chooser_counts_the_positions_of_the_output() -> None:
    plan = Plan(p=16, s=16, depth=107, window=1, groups=1, banks=1)
    geometry = Geometry.checked(107, 32, 1, (2, 4), 0, 1, 1, True, "zeros")
    chooser = Chooser(plan, geometry)
    # Outputs of 100 x 50, of 101 x 50 and of 100 x 51.
    assert chooser.choice((2, 107, 200, 200), "evaluation") == "weight"
    assert chooser.choice((3, 107, 200, 200), "evaluation") == "feature"
    assert chooser.choice((2, 107, 201, 200), "evaluation") == "feature"
    assert chooser.choice((2, 107, 200, 201), "evaluation") == "feature"
    assert chooser.choice((2, 107, 200, 200), "evaluation") == "weight"


def test_a_chooser_asks_anew_for_another_shape_or_use() -> None:
    plan = Plan(p=16, s=16, depth=107, window=1, groups=1, banks=1)
    chooser = Chooser(plan, Geometry.checked(107, 32, 1, 1, 0, 1, 1, True, "zeros"))
    small, large = (1, 107, 100, 100), (1, 107, 101, 100)
    for _ in range(2):
        assert chooser.choice(large, "evaluation") == "feature"
        assert chooser.choice(large, "evaluation") == "feature"
        assert chooser.choice(large, "images") == "weight"
        assert chooser.choice(small, "evaluation") == "weight"
        assert chooser.choice(large, "evaluation") == "feature"
        assert chooser.choice(small, "images") == "weight"


def test_what_is_compiled_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = Chooser(
        Plan(p=16, s=16, depth=107, window=1, groups=1, banks=1),
        Geometry.checked(107, 32, 1, 1, 0, 1, 1, True, "zeros"),
    )
    monkeypatch.setattr(cost, "recorded", lambda: True)
    assert chooser.choice((1, 107, 101, 100), "evaluation") == "feature"
    assert chooser.choice((1, 107, 100, 100), "evaluation") == "weight"
    assert chooser._last is None


@pytest.mark.parametrize("compute", ["auto", "weight", "feature"])
def test_a_layer_may_be_told_how_to_compute(compute: str) -> None:
    check_compute(compute)
    with pytest.raises(ValueError, match=f"^compute='{compute}s' must be 'auto', 'weight' or 'feature'$"):
        check_compute(f"{compute}s")


def test_an_input_that_is_differentiated_is_for_training() -> None:
    images, inside = torch.zeros(1), torch.zeros(1, requires_grad=True)
    assert [use_of(x, training) for x in (images, inside) for training in (False, True)] == [
        "images",
        "images",
        "training",
        "training",
    ]
    with torch.no_grad():
        assert [use_of(inside, training) for training in (False, True)] == ["evaluation", "images"]

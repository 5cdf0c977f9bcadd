"""The family `shared`: who has partners, and what it makes of layers that do, by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.layers.closeness import Target
from lcsearch.layers.families.shared import FAMILY, SharedSpec
from lcsearch.layers.partners import Partners
from lcsearch.layers.shape import ConvShape
from lcsearch.layers.shared_conv import SharedConv2d

SHAPES = {f"a.{block}.{part}": ConvShape(16, 16, (3, 3)) for block in range(3) for part in "xy"}
STAGE = {"stage": (("a.1.x", "a.1.y", "a.2.x", "a.2.y"),)}
POSITION = {"position": (("a.1.x", "a.2.x"), ("a.1.y", "a.2.y"))}
FIRST = dict.fromkeys(("a.0.x", "a.0.y"), "it is in the first block of its stage")
LONGER = SHAPES | {"a.1.z": SHAPES["a.1.x"]}
"""The second block has a third layer, which is alone at its position."""


def partners(share_by: Any, shapes: dict[str, ConvShape] = SHAPES) -> Partners:
    return FAMILY.partners(FAMILY.rule.model_validate({"share_by": share_by}), shapes)


def test_partners_are_of_all_ways_that_the_rule_names() -> None:
    assert partners("stage") == Partners(STAGE, FIRST, apart=False)
    assert partners(["none", "position"]) == Partners(POSITION, FIRST, apart=True)
    assert partners(["position", "stage"]) == Partners(STAGE | POSITION, FIRST, apart=False)
    assert partners("none") == Partners({}, dict.fromkeys(SHAPES, "share_by names no way to share"), True)


def test_who_has_partners_by_one_way_is_not_alone() -> None:
    own = sorted(LONGER)
    shapes = {name: LONGER[name] for name in own}
    alone = FIRST | {"a.1.z": "no other layer of its stage has its shape"}
    assert partners("position", shapes).left == alone
    assert partners(["stage", "position"], shapes).left == FIRST
    assert FAMILY.left_out(shapes, {"share_by": "position"}) == alone
    assert FAMILY.left_out(shapes, {"share_by": "stage"}) == FIRST


def test_one_choice_for_all_is_of_banks_by_position() -> None:
    numbers = {"share_by": "position", "shared": 1, "unique": 0}
    assert FAMILY.chosen_together({}, SHAPES, numbers) == {
        name: SharedSpec(f"a.1.{name[-1]}", 1, 0) for name in SHAPES if name not in FIRST
    }
    assert FAMILY.chosen_together({}, {name: SHAPES[name] for name in FIRST}, numbers) == {}


def test_what_is_asked_is_of_the_group_its_rule_and_ways() -> None:
    rule = FAMILY.rule.model_validate({"shared": {"low": 0.1, "high": 0.2}, "unique": {"low": 0, "high": 1}})
    offer = FAMILY.offer_together(rule, "group", SHAPES, POSITION, each=False)
    by, *filters = offer.parameters
    assert (by.name, by.choices) == ("group/share_by", ("position",))
    assert [(own.name, own.range) for own in filters] == [
        ("group/shared", rule.shared),
        ("group/unique", rule.unique),
    ]
    each = FAMILY.offer_together(rule, "group", SHAPES, POSITION, each=True)
    assert len(each.parameters) == 1 + 2 + 4
    made = offer.at_share(0.1, SHAPES)
    assert set(made) == set(SHAPES) - set(FIRST) and list(offer.guesses(made, SHAPES))


def test_what_cannot_share_is_refused() -> None:
    assert FAMILY.refuses(ConvShape(16, 16, (3, 3), 16)) == "it is depthwise"
    assert FAMILY.refuses(ConvShape(16, 16, (3, 3))) is None


def test_a_layer_alone_is_of_its_own_bank_where_that_saves() -> None:
    spec = SharedSpec("x", 4)
    assert FAMILY.canonical(SHAPES["a.0.x"], spec) == spec
    layer = FAMILY.fresh(nn.Conv2d(16, 8, 3, stride=2), SharedSpec("x", 4, 1))
    assert isinstance(layer, SharedConv2d) and layer.owner is None
    assert FAMILY.spec_of(layer) == SharedSpec("x", 4, 1) and layer.stride == (2, 2)


def test_a_bank_that_stores_as_much_as_plain_layers_is_none() -> None:
    """6 · 9 numbers and twice 6 · 15 are twice 13 · 9."""
    shapes = dict.fromkeys("ab", ConvShape(1, 13, (3, 3), bias=False))
    assert FAMILY.canonicals(shapes, dict.fromkeys("ab", SharedSpec("x", 6))) == {}
    specs = dict.fromkeys("ab", SharedSpec("x", 5))
    assert FAMILY.canonicals(shapes, specs) == specs


@pytest.mark.parametrize("together", [True, False])
def test_with_all_filters_that_there_can_be_trained_ones_are_made_exactly(together: bool) -> None:
    torch.manual_seed(0)
    convs = {name: nn.Conv2d(2, 5, 3, bias=False) for name in "ab"}
    layers = FAMILY.fresh_bundle(convs, dict.fromkeys(convs, SharedSpec("x", 18)))
    targets = {name: Target.of(conv) for name, conv in convs.items()}
    if together:
        FAMILY.fit_bundle(layers, targets)
    else:
        FAMILY.fit(layers["a"], targets["a"])
    x = torch.randn(1, 2, 8, 8)
    for name in "ab" if together else "a":
        torch.testing.assert_close(layers[name].eval()(x), convs[name](x), rtol=1e-3, atol=1e-4)


def test_filters_twice_as_long_as_orthonormal_ones_cost_ten_times_nine_for_each() -> None:
    layer = FAMILY.fresh(nn.Conv2d(1, 4, 3), SharedSpec("x", 2))
    assert isinstance(layer, SharedConv2d)
    with torch.no_grad():
        layer.shared.copy_(2 * torch.eye(9)[:2].view(2, 1, 3, 3))
    assert float(FAMILY.regularization([layer], "sum").detach()) == 10 * 2 * 9
    assert float(FAMILY.regularization([layer], "mean").detach()) == 10 * 2 * 9 / 4


def test_numbers_that_a_file_lacks_are_shown_as_none() -> None:
    assert FAMILY.cells({}) == ("0 + 0 filters", "shared")

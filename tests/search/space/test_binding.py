"""Which layers of a net are searched, by numbers; `Tiny` is counted in ``test_answers``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from spaces import EVERYTHING, Tiny, bind_tiny
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.layers.shape import ConvShape
from lcsearch.nets import surgery
from lcsearch.search.space import BoundSpace, Space, bind, parse_space
from lcsearch.search.space.binding import saves
from lcsearch.search.space.groups import PLAIN, Group, Pick
from lcsearch.search.space.rule import LayerRule

TEMPLATE = ModelSpec(
    "tiny", 10, 3, layers={"point": LinearSpec(0.5)}, channels={"first": 0.5}, image_size=(32, 32)
)


def space(layers: dict[str, Any], **more: Any) -> Space:
    return parse_space({"version": 1, "backbone": "*", "layers": layers} | more, "f")


def test_shapes_and_everything_else() -> None:
    bound = bind(space({"*": EVERYTHING}), Tiny(), TEMPLATE)
    assert bound.shapes(()) == {
        "first": ConvShape(3, 6, (3, 3)),
        "grouped": ConvShape(6, 10, (3, 3), 2, bias=False),
        "point": ConvShape(10, 10, (1, 1)),
    }
    assert bound.thinning.other_params(()) == 110
    assert bound.template == ModelSpec("tiny", 10, 3), "the template's layers and channels are not looked at"


def test_the_template_may_be_a_net_of_another_width() -> None:
    template = ModelSpec("base", 7, 1, 0.5, {"features.4": LinearSpec(0.5)})
    plain = replace(template, layers={})
    with torch.device("meta"):
        model = surgery.build_model(plain)
    bound = bind(space({"*": EVERYTHING}), model, template)
    assert [shape.out_channels for shape in bound.shapes(()).values()] == [16, 32, 64, 128]
    assert bound.params(plain) == sum(p.numel() for p in model.parameters())
    assert bound.encode(TrialSpec(plain)) is not None


@pytest.mark.parametrize(
    ("least", "searched"),
    [
        (0.0, ("first", "grouped", "point")),
        (110 / 548, ("first", "grouped", "point")),
        (111 / 548, ("first", "grouped")),
        (168 / 548, ("first", "grouped")),
        (169 / 548, ("grouped",)),
        (0.5, ()),
    ],
)
def test_small_layers_are_not_searched(least: float, searched: tuple[str, ...]) -> None:
    bound = bind_tiny({"*": EVERYTHING}, min_share=least)
    assert bound.searched_layers == searched
    assert tuple(group.name for group in bound.groups) == searched


class Narrowing(nn.Sequential):
    """448, 68 and 296 parameters; where 4 of the first 16 channels are left, 112, 20 and 296."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 4, 1), nn.Conv2d(4, 8, 3, padding=1))


def test_whether_a_layer_is_small_is_asked_of_the_most_channels() -> None:
    rule = {"kind": ["conv", "linear"]}
    rules = {"0": rule | {"channels": {"low": 0.25, "high": 1.0}}, "*": rule}
    bound = bind(space(rules, min_share=0.4), Narrowing(), ModelSpec("net", 10, 3), (3, 8, 8))
    assert bound.thinning.least != bound.thinning.most and bound.searched_layers == ("0",)


def test_what_saves_with_few_or_with_many_channels_is_searched() -> None:
    """Of two filters with one number each nothing is saved; of sixteen with sixteen much."""
    rule = LayerRule.model_validate({"alpha": {"low": 0.05, "high": 0.5}})
    small, large = {"a": ConvShape(1, 2, (1, 1))}, {"a": ConvShape(16, 16, (1, 1))}
    assert saves("a", rule, [small, large])
    assert saves("a", rule, [large, small])
    assert not saves("a", rule, [small, small])
    assert not saves("a", LayerRule.model_validate({"kind": "conv"}), [large, large])
    # Half of 16 filters and 8 · 8 coefficients are less than 16 filters of 9 numbers, but not of 8.
    half = LayerRule.model_validate({"kind": "linear", "alpha": 0.5})
    assert saves("a", half, [{"a": ConvShape(9, 16, (1, 1))}] * 2)
    assert not saves("a", half, [{"a": ConvShape(8, 16, (1, 1))}] * 2)


def test_a_layer_alone_is_offered_nothing_that_is_for_several() -> None:
    rule = LayerRule.model_validate({"kind": ["shared", "linear", "conv"], "alpha": 0.5})
    group = Group.make("a", rule, {"a": ConvShape(16, 16, (3, 3))})
    assert group.kinds == ("linear", "conv") and list(group.offers) == ["linear"]
    assert [group.share(pick) for pick in (PLAIN, Pick("linear", Chosen(0.5, "full")))] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("granularity", "groups"),
    [
        (
            "layer",
            {"first": ("first",), "grouped": ("grouped",), "point": ("point",)},
        ),
        ("stage", {"stage1": ("first",), "stage2[grouped]": ("grouped",), "stage2[*]": ("point",)}),
        ("network", {"network[*]": ("first", "point"), "network[grouped]": ("grouped",)}),
    ],
)
def test_who_shares_a_choice(granularity: str, groups: dict[str, tuple[str, ...]]) -> None:
    rules = {"grouped": {"kind": "linear", "alpha": {"low": 0.1, "high": 0.2}}, "*": EVERYTHING}
    bound = bind_tiny(rules, granularity=granularity)
    assert {group.name: group.members for group in bound.groups} == groups
    own = {group.members[0]: group.kinds for group in bound.groups}
    assert own["grouped"] == ("linear",) and own["first"] == ("conv", "linear")
    assert bound.searched_layers == ("first", "grouped", "point")


def test_names_that_the_net_lacks() -> None:
    for pattern in ("pont", "first.0"):
        with pytest.raises(InputError, match="the net has no such convolution; did you mean"):
            bind_tiny({pattern: EVERYTHING})
    with pytest.raises(InputError, match=r"layers\.X: the net has no such convolution"):
        bind_tiny({"X": EVERYTHING})
    for pattern in ("pont*", "pon?", "[a]pont", "point"):
        assert isinstance(bind_tiny({pattern: EVERYTHING}), BoundSpace)
    with pytest.raises(InputError) as caught:
        bind_tiny({"first": EVERYTHING, "a.pint": EVERYTHING})
    assert str(caught.value).startswith('space: layers."a.pint": the net has no such convolution; ')


def test_names_that_the_net_lacks_behind_one_of_a_linear_layer() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 8), nn.Flatten(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 10))
    rules = {"2": {"channels": {"low": 0.5, "high": 1.0}}, "3.a": EVERYTHING}
    with pytest.raises(InputError, match=r'layers\."3\.a": the net has no such convolution'):
        bind(space(rules), net, ModelSpec("net", 10, 3), (3, 8, 8))


class Square(nn.Conv2d):
    """More than a convolution."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).square()


def test_names_of_convolutions_that_stay_plain() -> None:
    net = nn.Sequential(Square(1, 8, 3), nn.Conv2d(8, 8, 3))
    with pytest.raises(InputError) as caught:
        bind(space({"0": EVERYTHING, "1": EVERYTHING}), net, ModelSpec("square", 10, 1))
    said = 'space: layers."0": this convolution stays plain: Square has a forward of its own; '
    assert str(caught.value).startswith(said)


def test_a_net_of_which_all_stays_plain() -> None:
    with pytest.raises(InputError) as caught:
        bind(space({"*": EVERYTHING}), nn.Sequential(Square(1, 8, 3)), ModelSpec("square", 10, 1))
    said = "backbone: the net has no convolution that could be replaced (0: Square has a forward of its own)"
    assert str(caught.value) == said


def test_a_net_without_convolutions() -> None:
    with pytest.raises(InputError) as caught:
        bind(space({"*": EVERYTHING}), nn.Linear(1, 1), ModelSpec("linear", 10, 3))
    assert str(caught.value) == "backbone: the net has no convolution that could be replaced"


def test_a_layer_that_cannot_be_of_the_only_kind_that_its_own_rule_allows() -> None:
    rule = {"kind": "separable"}
    for name, why in (("point", "its kernel is 1x1"), ("grouped", "it has 2 groups")):
        with pytest.raises(InputError) as caught:
            bind_tiny({name: rule, "*": {"kind": "conv"}})
        assert str(caught.value) == f"space: layers.{name}.kind: {why}, so it cannot be separable; write conv"
    with pytest.raises(InputError) as caught:
        bind_tiny({"point": {"kind": ["separable", "basis"]}})
    both = "its kernel is 1x1, so it cannot be separable, its kernel is 1x1, so it cannot be basis"
    assert str(caught.value) == f"space: layers.point.kind: {both}; write conv"
    assert bind_tiny({"*": rule}).searched_layers == ("first",), "a pattern leaves out what cannot be"
    assert bind_tiny({"point": {"kind": ["separable", "linear"]}}).searched_layers == ("point",)

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
from lcsearch.layers.shape import ConvShape
from lcsearch.nets import surgery
from lcsearch.search.space import BoundSpace, Space, bind, parse_space
from lcsearch.search.space.binding import saves
from lcsearch.search.space.rule import LayerRule

TEMPLATE = ModelSpec("tiny", 10, 3, layers={"point": LinearSpec(0.5)})


def space(layers: dict[str, Any], **more: Any) -> Space:
    return parse_space({"version": 1, "backbone": "*", "layers": layers} | more, "f")


def test_shapes_and_everything_else_at_each_width() -> None:
    built = list[float]()

    def build(width: float) -> nn.Module:
        built.append(width)
        return Tiny(width)

    bound = bind(space({"*": EVERYTHING}, width={"low": 0.5, "high": 2.0}), Tiny(), TEMPLATE, build)
    assert built == [0.5, 2.0], "the net at the template's width is given"
    for width, first, last, head in ((0.5, 4, 4, 50), (1.0, 6, 10, 110), (2.0, 12, 20, 210)):
        assert bound.shapes(width) == {
            "first": ConvShape(3, first, (3, 3)),
            "grouped": ConvShape(first, last, (3, 3), 2, bias=False),
            "point": ConvShape(last, last, (1, 1)),
        }
        assert bound.other_params(width) == head
        assert bound.params(ModelSpec("tiny", 10, 3, width)) == sum(
            p.numel() for p in Tiny(width).parameters()
        )
    assert built == [0.5, 2.0], "each net is built once"
    assert bound.template == ModelSpec("tiny", 10, 3), "the template's layers are not looked at"
    assert bound.width.values == [step / 64 for step in range(32, 129)]


def test_widths_are_built_by_the_backbones_name() -> None:
    template = ModelSpec("base", 7, 1, 0.5, {"features.4": LinearSpec(0.5)})
    with torch.device("meta"):
        model = surgery.build_model(replace(template, layers={}))
    bound = bind(space({"*": EVERYTHING}, width={"low": 0.25, "high": 0.5}), model, template)
    assert [shape.out_channels for shape in bound.shapes(0.25).values()] == [8, 16, 32, 64]
    for width in (0.25, 0.5):
        plain = ModelSpec("base", 7, 1, width)
        with torch.device("meta"):
            net = surgery.build_model(plain)
        assert bound.params(plain) == sum(p.numel() for p in net.parameters())
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


def test_the_largest_width_decides_what_is_small() -> None:
    """At width 1 ``point`` has 110 of 548 parameters, at width 2 420 of 336 + 1,080 + 420."""
    rules = {"*": EVERYTHING}
    assert "point" not in bind_tiny(rules, min_share=0.21).searched_layers
    wide = bind_tiny(rules, min_share=0.21, width={"low": 1.0, "high": 2.0})
    assert "point" in wide.searched_layers


def test_what_saves_at_one_end_of_the_widths_is_searched() -> None:
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


def test_groups_know_their_layers_at_the_largest_width() -> None:
    """A rank of at most 9 is one of ``point``'s 20 filters at width 2, not of its 10."""
    rule = {"kind": "linear", "coefficients": "low_rank", "alpha": 0.5, "rank": {"low": 1, "high": 9}}
    bound = bind_tiny({"point": rule}, width={"low": 1.0, "high": 2.0}, granularity="network")
    at = {width: bound.decode({"width": width, "network/rank": 4}).model for width in (1.0, 2.0)}
    assert at[1.0].layers == {"point": LinearSpec(0.5, rank=2)}
    assert at[2.0].layers == {"point": LinearSpec(0.5, rank=4)}


def test_names_that_the_net_lacks() -> None:
    for pattern in ("pont", "first.0"):
        with pytest.raises(InputError, match="the net has no such convolution; did you mean"):
            bind_tiny({pattern: EVERYTHING})
    for pattern in ("pont*", "pon?", "[a]pont", "point"):
        assert isinstance(bind_tiny({pattern: EVERYTHING}), BoundSpace)
    with pytest.raises(InputError) as caught:
        bind_tiny({"first": EVERYTHING, "a.pint": EVERYTHING})
    assert str(caught.value).startswith('space: layers."a.pint": the net has no such convolution; ')


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

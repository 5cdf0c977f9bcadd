"""Which layers are searched, and which of them share a choice."""

from __future__ import annotations

import pytest
import torch
from spaces import EVERYTHING, Tiny, bind_backbone, bind_tiny
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.search.space import bind, parse_space

pytestmark = pytest.mark.slow


def test_stages_are_layers_of_one_output_size() -> None:
    groups = bind_backbone("vgg11", granularity="stage", layers={"*": EVERYTHING}).groups
    assert [len(group.members) for group in groups] == [1, 1, 2, 2, 2]
    assert [group.name for group in groups] == ["stage1", "stage2", "stage3", "stage4", "stage5"]
    groups = bind_backbone("resnet18", granularity="stage").groups
    assert [len(group.members) for group in groups] == [4, 4, 4, 4]


def test_a_stage_with_two_rules_has_two_choices() -> None:
    groups = bind_tiny({"first": EVERYTHING, "*": EVERYTHING}, granularity="network").groups
    assert [(group.name, group.members) for group in groups] == [
        ("network[first]", ("first",)),
        ("network[*]", ("grouped", "point")),
    ]


def test_a_net_that_takes_no_image_has_stages_of_equal_channels() -> None:
    class Odd(Tiny):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("not today")

    space = parse_space(
        {"version": 1, "backbone": "*", "granularity": "stage", "layers": {"*": EVERYTHING}}, "f"
    )
    groups = bind(space, Odd(), ModelSpec("odd", 10, 3)).groups
    assert [group.members for group in groups] == [("first",), ("grouped", "point")]


def test_layers_that_cannot_save_are_not_searched() -> None:
    depthwise = {"kind": "linear", "alpha": {"low": 0.5, "high": 1.0}}
    bound = bind_backbone("mobilenetv2", layers={"*.depthwise.*": depthwise, "*": EVERYTHING}, min_share=0.0)
    assert not [name for name in bound.searched_layers if "depthwise" in name]
    assert "blocks.16.project.0" in bound.searched_layers


def test_small_layers_are_not_searched() -> None:
    assert bind_tiny({"*": EVERYTHING}, min_share=0.4).searched_layers == ("grouped",)


def test_a_layer_name_that_the_net_lacks() -> None:
    with pytest.raises(InputError) as caught:
        bind_tiny({"pont": EVERYTHING})
    assert str(caught.value) == "space: layers.pont: the net has no such convolution; did you mean 'point'?"


def test_a_net_without_convolutions() -> None:
    space = parse_space({"version": 1, "backbone": "*", "layers": {"*": EVERYTHING}}, "f")
    with pytest.raises(InputError, match="no convolution"):
        bind(space, nn.Linear(1, 1), ModelSpec("linear", 10, 3))

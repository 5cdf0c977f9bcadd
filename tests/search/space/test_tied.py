"""Convolutions that share their weight have one choice in a space, and count once in its sizes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from spaces import Random
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.search.space import BoundSpace, bind, parse_space

RULE = {"kind": ["conv", "linear"], "coefficients": ["full", "low_rank", "sparse"]}


class Pyramid(nn.Module):
    """One set of filters at three sizes of the image, one of them without a bias, behind a stem."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.steps = nn.ModuleList(nn.Conv2d(16, 16, 3, 2, 1, bias=place != 1) for place in range(3))
        for step in self.steps:
            step.weight = self.steps[0].weight
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for step in self.steps:
            x = step(x.relu())
        return self.head(x.mean((2, 3)))


def bound(layers: dict[str, Any], **more: Any) -> BoundSpace:
    plain = {"version": 1, "backbone": "net", "layers": layers} | more
    return bind(parse_space(plain, "f"), Pyramid(), ModelSpec("net", 10, 3))


def test_they_are_one_group_under_the_first_name() -> None:
    space = bound({"*": RULE})
    assert [group.members for group in space.groups] == [("stem",), ("steps.0",)]
    assert space.params(space.plain()) == 16 * 28 + 16 * 145 + 16 + 170


@pytest.mark.parametrize("granularity", ["layer", "stage", "network"])
def test_sizes_are_those_of_what_is_built(granularity: str) -> None:
    space = bound({"*": RULE}, granularity=granularity)
    seen = set()
    for seed in range(30):
        model = space.suggest(Random(random.Random(seed))).model
        seen |= model.layers.keys()
        built = surgery.convert(Pyramid(), model.layers)
        assert space.params(model) == count(built, (3, 16, 16)).params
        assert space.encode(TrialSpec(model)) is not None
    assert seen == {"stem", "steps.0"}


def test_naming_another_of_them_says_which_has_the_choice() -> None:
    words = r"layers\.\"?steps\.2\"?: it shares its weight with steps\.0, whose choice is for both"
    with pytest.raises(InputError, match=words):
        bound({"steps.2": RULE})


def test_a_spec_under_any_of_their_names_is_that_of_the_first() -> None:
    quarter = LinearSpec(0.25)
    assert surgery.once(Pyramid(), {"steps.2": quarter, "steps.1": quarter}) == {"steps.0": quarter}

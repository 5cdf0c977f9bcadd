"""What rules allow groups of channels, and who shares a choice."""

from __future__ import annotations

from typing import Any

import pytest
from channel_nets import Chain, FixedView, Residual
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.parameters import Number
from lcsearch.core.spec import ModelSpec
from lcsearch.search.space import BoundSpace, bind, parse_space, to_yaml

HALF = {"low": 0.5, "high": 1.0}


def bound(net: nn.Module, layers: dict[str, Any], **more: Any) -> BoundSpace:
    space = parse_space({"version": 1, "backbone": "*", "layers": layers} | more, "f")
    return bind(space, net, ModelSpec("net", 10, 3), (3, 8, 8))


def asked(space: BoundSpace) -> dict[str, tuple[float, float]]:
    """The searched shares by name."""
    numbers = [choice.number for choice in space.thinning.choices]
    return {number.name: (number.range.low, number.range.high) for number in numbers}


def test_a_group_may_do_what_all_its_makers_may() -> None:
    """``into`` and ``back`` are added."""
    into = {"channels": {"low": 0.25, "high": 0.75}, "round_to": 2}
    back = {"channels": {"low": 0.5, "high": 1.0, "log": True}, "round_to": 4}
    space = bound(Residual(), {"into": into, "back": back, "*": {}})
    assert asked(space) == {"into/channels": (0.5, 0.75)}
    (choice,) = space.thinning.choices
    assert choice.counts == ((4, 8),) and choice.number.range.log
    assert (space.thinning.least, space.thinning.most) == ((4, 5), (8, 5))


@pytest.mark.parametrize("back", [{"channels": 1.0}, {}, None])
def test_a_maker_that_keeps_all_keeps_the_group(back: Any) -> None:
    rules = {"in*": {"channels": HALF}} | ({} if back is None else {"back": back})
    assert asked(bound(Residual(), rules)) == {"inner/channels": (0.5, 1.0)}


class Dense(nn.Module):
    """A hidden linear layer behind a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 6), nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(self.conv(x).relu().mean((2, 3))).relu())


def test_linear_layers_match_patterns_too() -> None:
    space = bound(Dense(), {"hidden": {"channels": HALF}, "*": {}})
    assert asked(space) == {"hidden/channels": (0.5, 1.0)}
    text = to_yaml("net", space)
    assert '\n  "hidden": {channels: {low: 0.5, high: 1.0}, round_to: 1}  # 6 channels\n' in text
    with pytest.raises(InputError, match="hidden: the net has no such convolution"):
        bound(Dense(), {"hidden": {}, "*": {"channels": HALF}})


def test_a_fixed_share_is_no_choice() -> None:
    space = bound(Chain(), {"*": {"kind": "conv", "channels": 0.5}})
    assert space.parameters == () and space.thinning.most == (4, 3)
    assert space.smallest() == space.largest() == space.thinner(0.5)


@pytest.mark.parametrize(
    ("granularity", "names"),
    [("layer", ["one", "two"]), ("stage", ["stage1"]), ("network", ["network"])],
)
def test_groups_share_a_choice_as_layers_do(granularity: str, names: list[str]) -> None:
    space = bound(Chain(), {"*": {"channels": HALF}}, granularity=granularity)
    assert [choice.name for choice in space.thinning.choices] == names
    assert all(isinstance(choice.number, Number) for choice in space.thinning.choices)
    differ = {"one": {"channels": HALF}, "two": {"channels": {"low": 0.2, "high": 1.0}}}
    space = bound(Chain(), differ, granularity=granularity)
    shared = [f"{names[0]}[one]", f"{names[0]}[two]"] if len(names) == 1 else names
    assert [choice.name for choice in space.thinning.choices] == shared


@pytest.mark.parametrize(
    ("net", "layers", "said"),
    [
        (
            Residual,
            {"into": {"channels": 0.25}, "back": {"channels": HALF}, "inner": {}},
            "space: layers.into.channels: 0.25 has nothing in common with layers.back.channels, "
            "{low: 0.5, high: 1.0}, but into and back share their channels",
        ),
        (
            Chain,
            {"*": {"channels": {"low": 0.1, "high": 0.25}, "round_to": 16}},
            'space: layers."*".round_to: 16 leaves no channel of one: no multiple of 16 is at most 0.25 of 8',
        ),
        (
            Chain,
            {"head": {"channels": 0.5}, "*": {}},
            "space: layers.head: the net has no such convolution; choose from one, two",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line(net: Any, layers: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        bound(net(), layers)
    assert str(caught.value) == said


def test_people_are_told_which_channels_stay_and_why() -> None:
    rule = {"*": {"channels": HALF}}
    assert bound(Chain(), rule).describe()[1] == "channels of 2 of 2 groups are searched"
    said = bound(FixedView(), rule).describe()[1]
    assert said.startswith("channels of 1 of 1 group are searched; channels that stay: two (the net does not")
    assert "\n" not in said


def test_a_net_that_cannot_be_traced_keeps_its_channels() -> None:
    net = nn.ModuleList([nn.Conv2d(3, 8, 3)])
    space = bound(net, {"*": {"channels": HALF}})
    assert space.thinning.choices == () and space.thinner(0.5) == space.plain()
    words = space.thinning.whole_words()
    assert words is not None and words.startswith("channels that stay: the net cannot be traced: ")

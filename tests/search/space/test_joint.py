"""Layers that choose together whether they share: four blocks of two layers of 576 numbers each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from block_net import Blocks
from spaces import SHARED, THIN, Random, bind_blocks
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.core.yaml import parse_yaml
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.layers.offer import End
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.space import bind, check_kinds, load_space, parse_space, to_yaml, with_kinds
from lcsearch.search.space.groups import PLAIN, Pick
from lcsearch.search.space.joint import APART, Joint

FIRSTS, SECONDS = ([f"blocks.{block}.{part}" for block in (1, 2, 3)] for part in ("first", "second"))
ALL = tuple(name for both in zip(FIRSTS, SECONDS, strict=True) for name in both)


def answers(**own: Any) -> dict[str, Any]:
    return {f"blocks.1.first/{name}": value for name, value in own.items()}


def test_a_set_is_one_choice_and_the_first_block_stays_open_to_other_kinds() -> None:
    space = bind_blocks(SHARED)
    assert [group.members for group in space.groups] == [
        ("stem",), ("blocks.0.first",), ("blocks.0.second",), ALL,
    ]  # fmt: skip
    assert space.families == ("linear", "shared") and len(space.alone) == 9
    asked = answers(together="shared", share_by="position")
    asked |= answers(**{f"unique[{name}]": 0.0 for name in ALL})
    asked |= answers(**{f"shared[{FIRSTS[0]}]": 0.05, f"shared[{SECONDS[0]}]": 0.1})
    asked |= {"stem/kind": "linear", "stem/alpha": 0.5, "blocks.1.first/unique[blocks.2.first]": 0.25}
    asked |= {"blocks.0.first/kind": "conv", "blocks.0.second/kind": "conv"}
    layers = space.decode(asked).model.layers
    assert layers.pop("stem") == LinearSpec(0.5)
    wanted = {name: SharedSpec(FIRSTS[0], 4) for name in FIRSTS}
    wanted |= {name: SharedSpec(SECONDS[0], 7) for name in SECONDS}
    assert layers == wanted | {"blocks.2.first": SharedSpec(FIRSTS[0], 4, 2)}


def test_a_bank_counts_once() -> None:
    """Six layers of ten numbers a filter, and five filters of 72 numbers in place of six times 576."""
    space = bind_blocks({"kind": ["shared"], "shared": 5 / 72, "unique": 0}, granularity="network")
    found = space.decode(answers(together="shared", share_by="stage")).model
    assert found.layers == dict.fromkeys(ALL, SharedSpec(FIRSTS[0], 5))
    assert space.params(found) == space.params(space.plain()) - 6 * 576 + 5 * 72 + 6 * 5 * 10
    assert space.params(found) == count(surgery.convert(Blocks(), found.layers), (3, 8, 8)).params


def test_none_shares_and_each_chooses() -> None:
    space = bind_blocks(SHARED)
    alone = {f"{name}/kind": "conv" for name in (*ALL, "stem", "blocks.0.first", "blocks.0.second")}
    alone |= {"blocks.2.first/kind": "linear", "blocks.2.first/alpha": 0.25}
    found = space.decode(answers(together="none") | alone).model
    assert found.layers == {"blocks.2.first": LinearSpec(0.25)}
    joint = space.groups[-1]
    pick = joint.find(found.layers, space.shapes(()))
    assert pick is not None and pick.family == APART
    assert [own.family for own in pick.own] == ["conv", "conv", "linear", "conv", "conv", "conv"]
    assert joint.share(Pick(APART, (PLAIN,) * 6)) == 1.0 and joint.scaled(pick, 0.5).own[0] == PLAIN
    assert joint.scaled(pick, 0.5).own[2].own[0] == 0.125


def test_what_saves_nothing_is_the_plain_net() -> None:
    space = bind_blocks({"kind": ["conv", "shared"], "shared": 1.0, "unique": 0.0, "share_by": "stage"})
    assert not space.groups, "a bank of all 72 filters stores more than 6 layers"
    space = bind_blocks(SHARED | {"share_by": ["stage", "none"]})
    asked = {f"blocks.1.first/unique[{name}]": 0.0 for name in ALL}
    asked |= answers(together="shared", **{"shared[blocks.1.first]": 0.9})
    asked |= {f"{name}/kind": "conv" for name in ("stem", "blocks.0.first", "blocks.0.second")}
    found = space.decode(asked)
    assert found.model == space.plain()
    encoded = space.encode(found)
    assert encoded is not None and encoded[0]["blocks.1.first/together"] == "none"


def test_without_none_the_layers_always_share() -> None:
    space = bind_blocks(SHARED | {"share_by": "stage", "shared": {"low": 0.02, "high": 0.2}, "unique": 0.125})
    assert "blocks.1.first/together" not in {parameter.name for parameter in space.parameters}
    assert space.encode(TrialSpec(space.plain())) is None
    assert len(space.alone) == 4 and space.families == ("linear", "shared")
    for seed in range(5):
        layers = space.suggest(Random(random.Random(seed))).model.layers
        assert {spec.family for name, spec in layers.items() if name in ALL} <= {"shared"}


@pytest.mark.parametrize("granularity", ["stage", "network"])
def test_coarser_choices_have_one_number_for_all(granularity: str) -> None:
    space = bind_blocks(SHARED, granularity=granularity)
    names = [name for parameter in space.parameters if (name := parameter.name).startswith("blocks.1")]
    assert names == [f"blocks.1.first/{own}" for own in (
        "together", "share_by", "shared", "unique", "kind", "alpha"
    )]  # fmt: skip
    assert [group.members for group in space.groups][1:] == [ALL]


def test_layers_that_share_are_thinned_alike() -> None:
    """By position the inner channels of the blocks; by stage those too that all blocks add to."""
    whole = bind_blocks(SHARED | {"kind": ["conv", "linear"], "channels": THIN})
    assert [choice.members for choice in whole.thinning.choices] == [(0,), (1,), (2,), (3,), (4,)]
    by_position = bind_blocks(SHARED | {"share_by": "position", "channels": THIN}).thinning.choices
    assert [choice.members for choice in by_position] == [(0,), (1,), (2, 3, 4)]
    by_stage = bind_blocks(SHARED | {"channels": THIN}).thinning.choices
    assert [choice.members for choice in by_stage] == [(0, 2, 3, 4), (1,)]


def test_layers_whose_channels_go_apart_do_not_share_and_it_is_said() -> None:
    rules = {"blocks.3.first": SHARED, "*": SHARED | {"channels": THIN, "share_by": "position"}}
    rules["blocks.3.first"] = SHARED | {"share_by": "position"}
    space = parse_space({"version": 1, "backbone": "*", "layers": rules}, "f")
    bound = bind(space, Blocks(), ModelSpec("blocks", 10, 3))
    assert {group.members for group in bound.groups if len(group.members) > 1} == {
        tuple(FIRSTS[:2]), tuple(SECONDS[:2]),
    }  # fmt: skip
    said = [line for line in bound.describe() if line.startswith("nobody")]
    assert len(said) == 1
    assert "blocks.3.first, blocks.3.second: its channels go apart from those of the layers" in said[0]
    for seed in range(10):
        model = bound.suggest(Random(random.Random(seed))).model
        assert bound.canonical(model) == model


def test_layers_of_other_rules_do_not_share() -> None:
    other = SHARED | {"shared": 0.1}
    rules = {"blocks.1.*": other, "blocks.2.*": other, "*": SHARED}
    space = parse_space({"version": 1, "backbone": "*", "layers": rules}, "f")
    bound = bind(space, Blocks(), ModelSpec("blocks", 10, 3))
    assert [group.members for group in bound.groups if len(group.members) > 1] == [ALL[:4], ALL[4:]]
    assert bound.bonds.left["stem"] == "it is in the first block of its stage"


def test_where_no_way_to_share_is_named_that_is_why_nobody_shares() -> None:
    assert set(bind_blocks(SHARED | {"share_by": "none"}).bonds.left.values()) == {
        "share_by names no way to share"
    }


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"share_by": "block"}, "share_by[0]: 'block' is not allowed; choose from none, position, stage"),
        ({"shared": {"low": 0.1, "high": 1.5}}, "shared.high: 1.5 is not allowed; it must be in (0, 1]"),
        ({"shared": 0}, "shared: 0 is not allowed; it must be in (0, 1]"),
        ({"unique": {"low": -0.1, "high": 0.5}}, "unique.low: -0.1 is not allowed; it must be in [0, 1]"),
        ({"share_by": ["stage", "stage"]}, "share_by[1]: 'stage' stands there twice"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        bind_blocks(SHARED | rule)
    assert str(caught.value).replace(".0 is", " is").startswith(f'f: layers."*".{message}')


def test_a_named_layer_that_cannot_share_is_refused_with_its_reason() -> None:
    space = {"version": 1, "backbone": "*", "layers": {"blocks.0.first": {"kind": "shared"}, "*": SHARED}}
    with pytest.raises(InputError) as caught:
        bind(parse_space(space, "f"), Blocks(), ModelSpec("blocks", 10, 3))
    assert str(caught.value) == (
        'space: layers."blocks.0.first".kind: it is in the first block of its stage, so it cannot be shared; '
        "write conv"
    )


def test_a_net_in_which_nobody_shares_is_refused_with_the_reasons() -> None:
    space = with_kinds(load_space(None, "base"), ["conv", "shared"])
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 12, 3), nn.Conv2d(12, 16, 3))
    bound = bind(space.model_copy(update={"layers": {"*": space.layers["*"]}}), net, ModelSpec("base", 10, 3))
    with pytest.raises(InputError, match="no convolution of base can be shared: it is in the first block of"):
        check_kinds(bound, ["conv", "shared"])


def test_hand_picked_models_share_and_lie_in_the_net() -> None:
    space = bind_blocks(SHARED | {"unique": {"low": 0.0, "high": 0.5}})
    labels = [one.label for one in hand_picked(space)]
    assert any(label.startswith("uniform shared") for label in labels)
    for model in (one.spec.model for one in (*hand_picked(space), *known_good(space))):
        assert space.canonical(model) == model
        if not model.channels:
            built = surgery.convert(Blocks(), model.layers)
            assert space.params(model) == count(built, (3, 8, 8)).params


def test_a_written_space_has_the_same_choices() -> None:
    space = bind_blocks(SHARED)
    written = parse_space(parse_yaml(to_yaml("net", space), "f"), "f")
    again = bind(written, Blocks(), ModelSpec("blocks", 10, 3))
    assert [parameter.name for parameter in again.parameters] == [p.name for p in space.parameters]
    assert written.layers["blocks.0.first"].kind == ["conv", "linear"]


class Ends:
    """Answers each number with its low or high end, and each choice with what is wanted."""

    def __init__(self, end: str, *wanted: str) -> None:
        self.end, self.wanted = end, wanted

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        return low if self.end == "smallest" else high

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        return low if self.end == "smallest" else high

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return next(one for one in choices if one in self.wanted)


SOME = {"shared": {"low": 0.1, "high": 0.15}, "unique": 0}
"""With more than layers by themselves at the least, and less than plain ones at the most."""


@pytest.mark.parametrize("rule", [{}, SOME, SOME | {"share_by": "stage"}], ids=str)
@pytest.mark.parametrize("end", ["smallest", "largest"])
def test_no_choice_is_beyond_the_extremes(rule: dict[str, Any], end: End) -> None:
    """Of all kinds and ways to share, with all numbers at one end."""
    space = bind_blocks(SHARED | rule)
    joint, shapes = space.groups[-1], space.shapes(())
    assert isinstance(joint, Joint)
    picks = [joint.suggest(Ends(end, together, way, kind), 1.0) for together in joint.kinds
             for way in ("stage", "position") for kind in ("conv", "linear")
             if way == "stage" or "share_by" not in rule]  # fmt: skip
    best = min if end == "smallest" else max
    assert joint.params(joint.extreme(shapes, end), shapes) == best(joint.params(p, shapes) for p in picks)


def test_layers_that_else_could_be_nothing_are_plain_where_they_do_not_share() -> None:
    joint = bind_blocks(SHARED | {"kind": "shared"}).groups[-1]
    assert joint.kinds == (APART, "shared")
    assert [part.kinds for part in joint.alone()] == [("conv",)] * 6

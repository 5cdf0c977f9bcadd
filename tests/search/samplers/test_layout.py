"""Genes of a small space, with sizes and features counted by hand (`Tiny` is counted in ``test_answers``)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from spaces import bind_tiny

from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.layers.shape import ConvShape
from lcsearch.search.samplers._layout import Genome, Layout, layout_of
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import PLAIN, Pick

LINEAR = {
    "kind": ["conv", "linear"],
    "alpha": {"low": 0.1, "high": 1.0},
    "coefficients": ["full", "low_rank"],
}
WEIGHT = {"weight": {"low": 0.01, "high": 1.0, "log": True}, "off": True}
LR = {"lr": {"low": 0.1, "high": 0.5}, "momentum": 0.8}


def space(**more: Any) -> BoundSpace:
    return bind_tiny({"first": {"kind": "conv"}, "*": LINEAR}, **more)


def linear(alpha: float, ratio: float | None = None) -> Pick:
    return Pick("linear", Chosen(alpha, "full" if ratio is None else "low_rank", ratio))


def genome(grouped: Pick = PLAIN, point: Pick = PLAIN, **shared: Any) -> Genome:
    return Genome(
        (grouped, point), (), tuple((name.replace("_", "/"), value) for name, value in shared.items())
    )


def middle(*_: Any) -> float:
    return 0.5


def test_what_is_known_of_a_space() -> None:
    layout = Layout(space(regularizer=WEIGHT, train=LR, shrink={"low": 0.5, "high": 1.0}))
    assert layout.ranges == {
        "regularizer": CategoricalDistribution(("on", "off")),
        "regularizer/weight": FloatDistribution(0.01, 1.0, log=True),
        "train/lr": FloatDistribution(0.1, 0.5),
    }
    assert layout.block == 1 + 3, "a family of three numbers"
    assert layout.convolutions == 2
    assert layout.log_sizes == pytest.approx([math.log(270), math.log(110)])
    # One of ten filters: 27 + 9, and 10 + 9 + 10.
    assert (layout.params_low, layout.params_high) == (168 + 36 + 29 + 110, 658)


def test_sizes_count_what_is_not_searched() -> None:
    layout = Layout(space())
    assert layout.params(genome()) == 658
    assert layout.params(genome(point=linear(0.1))) == 658 - 110 + 29
    assert layout.params(genome(linear(0.1), linear(0.1))) == 168 + 36 + 29 + 110
    assert layout.params(genome(linear(0.1))) == 658 - 270 + 36


def thin(high: float = 1.0) -> Layout:
    """A space in which ``point`` may lose channels."""
    rule = LINEAR | {"channels": {"low": 0.5, "high": high}}
    return Layout(bind_tiny({"first": {"kind": "conv"}, "grouped": LINEAR, "point": rule}))


def kept(count: int, point: Pick = PLAIN) -> Genome:
    """A genome of this space: so many of ten channels stay."""
    return Genome((PLAIN, point), (6, 10, count), ())


def test_sizes_with_fewer_channels() -> None:
    layout = thin()
    assert layout.params(kept(10)) == 658
    assert layout.params(kept(5)) == 168 + 270 + 55 + 60
    assert layout.params(kept(5, linear(0.2))) == 168 + 270 + 10 + 4 + 5 + 60
    every = [kept(10), kept(5), kept(5, linear(0.2)), kept(7, linear(0.4, 0.5))]
    assert [layout.size(one) for one in every] == [layout.params(one) for one in every]
    assert thin(0.8).log_sizes == pytest.approx([math.log(270), math.log(88)]), "the most that stay"


def test_what_is_known_of_fewer_channels() -> None:
    """After the layers' numbers: the logarithm of the share of them that stays."""
    layout = thin(0.8)
    shares = {count: layout.features(kept(count))[8] for count in (5, 8)}
    assert shares == {5: pytest.approx(math.log(0.5)), 8: pytest.approx(math.log(0.8))}
    assert len(layout.features(kept(5))) == 2 * 4 + 1


def test_a_proposal_says_which_channels_stay() -> None:
    layout = thin()
    found = layout.proposal(kept(5, linear(0.4, 0.5)))
    assert found is not None
    assert layout.space.decode(found[0]).model == ModelSpec(
        "tiny", 10, 3, layers={"point": LinearSpec(0.4, rank=1)}, channels={"point": 0.5}, image_size=(32, 32)
    )
    drawn = layout.drawn({"point/kind": "linear", "point/alpha": 0.4, "point/channels": 0.5}, middle)
    assert drawn.kept == (6, 10, 5) and layout.drawn(found[0], middle) == kept(5, linear(0.4, 0.5))


def test_a_choice_of_channels_touches_those_that_make_and_read_them() -> None:
    """Of ``first`` ``grouped`` reads the channels, whose own ``point`` reads."""
    rule = LINEAR | {"channels": {"low": 0.5, "high": 1.0}}
    layout = Layout(bind_tiny({"first": {"kind": "conv", "channels": rule["channels"]}, "*": rule}))
    names = [choice.name for choice in layout.choices]
    assert dict(zip(names, layout.touched, strict=True)) == {
        "first": {0}, "grouped": {0, 1}, "point": {1},
    }  # fmt: skip
    assert dict(zip(names, layout.homes, strict=True)) == {"first": 0, "grouped": 0, "point": 1}


def test_features_by_hand() -> None:
    """The logarithm of what a layer keeps, the family's numbers, then where the shared ones lie."""
    layout = Layout(space(regularizer=WEIGHT, train=LR))
    plain = layout.features(genome(regularizer="on", regularizer_weight=0.1, train_lr=0.4))
    assert plain == pytest.approx([0.0] * 8 + [1.0, -0.25, 1.0, 0.0, 1.0, 0.25])
    made = layout.features(genome(point=linear(0.1), regularizer="off", train_lr=0.1))
    own = FAMILY.describe(ConvShape(10, 10, (1, 1)), LinearSpec(0.1))
    assert made == pytest.approx([0.0] * 4 + [math.log(29 / 110), *own] + [1.0, 0.25, 0.0, 0.0, 1.0, -0.5])
    outside = layout.features(genome(regularizer="on", regularizer_weight=2.0, train_lr=0.1))
    assert outside[-4:] == pytest.approx([0.0, 0.0, 1.0, -0.5])


def test_one_key_for_one_training() -> None:
    layout = Layout(space(regularizer=WEIGHT, train=LR))
    same = {"regularizer": "on", "regularizer_weight": 0.1, "train_lr": 0.2}
    key = layout.key(genome(point=linear(0.1), **same))
    assert layout.key(genome(point=linear(0.12), **same)) == key, "one of ten filters too"
    assert layout.key(genome(point=linear(0.1), **same | {"regularizer_weight": 0.1000001})) == key
    others = [
        genome(linear(0.1), **same),
        genome(point=linear(0.2), **same),
        genome(point=linear(0.1), **same | {"train_lr": 0.3}),
        genome(point=linear(0.1), **same | {"regularizer_weight": 0.11}),
        genome(point=linear(0.1), **same | {"regularizer": "off"}),
        genome(**same),
    ]
    assert len({key, *map(layout.key, others)}) == 7
    # The regularizer does nothing to a plain net.
    assert layout.key(genome(**same | {"regularizer": "off"})) == layout.key(genome(**same))
    # A share of 1 is plain.
    assert layout.key(genome(point=linear(1.0), **same)) == layout.key(genome(**same))


def test_without_a_weight_the_least_is_meant() -> None:
    layout = Layout(space(regularizer={"weight": 0.25}))
    found = layout.proposal(genome(point=linear(0.1)))
    assert found is not None
    assert layout.space.decode(found[0]).regularizer == Regularizer(0.25)
    other = Layout(space(regularizer={"weight": {"low": 0.25, "high": 0.5}}))
    assert other.key(genome(point=linear(0.1))) == other.key(
        genome(point=linear(0.1), regularizer_weight=0.25)
    )


def test_a_proposal_means_its_genome() -> None:
    layout = Layout(space(regularizer=WEIGHT, train=LR))
    own = {"regularizer": "on", "regularizer_weight": 0.1, "train_lr": 0.2}
    found = layout.proposal(genome(linear(0.2), linear(0.5, 0.4), **own))
    assert found is not None
    assert found[0].keys() == found[1].keys()
    assert layout.space.decode(found[0]) == TrialSpec(
        ModelSpec("tiny", 10, 3, layers={"grouped": LinearSpec(0.2), "point": LinearSpec(0.5, rank=2)}),
        Regularizer(0.1),
        Recipe(lr=0.2, momentum=0.8),
    )
    off = layout.proposal(genome(linear(0.2), regularizer="off", train_lr=0.2))
    assert off is not None and off[0]["regularizer"] == "off" and "regularizer/weight" not in off[0]
    narrow = Layout(bind_tiny({"*": LINEAR | {"alpha": {"low": 0.1, "high": 0.5}}}))
    kept = Genome((PLAIN, linear(0.5), linear(0.5)), (), ())
    assert narrow.proposal(kept) is not None
    assert narrow.proposal(Genome((*kept.picks[:2], linear(0.7)), (), ())) is None, "more than is allowed"
    assert layout.proposal(genome(**own | {"train_lr": 0.7})) is None


def test_a_genome_of_parameters() -> None:
    layout = Layout(space(regularizer=WEIGHT, train=LR))
    given = {"grouped/kind": "conv", "point/kind": "linear", "point/alpha": 0.2, "point/coefficients": "full"}
    found = layout.drawn(given | {"regularizer": "off", "train/lr": 0.3}, middle)
    assert found.picks[0] == PLAIN and found.picks[1].family == "linear"
    assert layout.params(found) == 658 - 110 + 20 + 16 + 10
    assert dict(found.shared) == {"regularizer": "off", "train/lr": 0.3}
    drawn = layout.drawn(given, middle)
    assert dict(drawn.shared) == {"regularizer": "off", "train/lr": pytest.approx(0.3)}
    on = layout.drawn(given | {"regularizer": "on"}, middle)
    assert dict(on.shared) == {
        "regularizer": "on", "regularizer/weight": pytest.approx(0.1), "train/lr": pytest.approx(0.3),
    }  # fmt: skip
    assert all(pick.family == "linear" for pick in layout.drawn({}, middle).picks)


def test_what_is_shared_is_completed() -> None:
    layout = Layout(space(regularizer=WEIGHT, train=LR, shrink={"low": 0.5, "high": 1.0}))
    assert layout.completed({"regularizer": "off", "train/lr": 0.2, "shrink": 0.6, "other": 1}, middle) == (
        ("regularizer", "off"), ("train/lr", 0.2),
    )  # fmt: skip
    found = layout.completed({"regularizer": "on", "train/lr": 9.0}, middle)
    assert dict(found) == {
        "regularizer": "on", "regularizer/weight": pytest.approx(0.1), "train/lr": pytest.approx(0.3),
    }  # fmt: skip
    asked = list[str]()
    layout.completed({"regularizer": "off"}, lambda name, _: float(bool(asked.append(name))))
    assert asked == ["train/lr"]


def test_one_layout_for_a_space() -> None:
    spaces = [space() for _ in range(12)]
    layouts = [layout_of(one) for one in spaces]
    assert [one.space for one in layouts] == spaces
    assert all(layout_of(one).space is one for one in spaces)
    assert layout_of(spaces[-1]) is layout_of(spaces[-1])
    assert len({id(one) for one in layouts}) == 12


def test_layers_that_share_a_choice_have_each_their_features() -> None:
    layout = Layout(bind_tiny({"*": LINEAR}, granularity="network"))
    found = layout.features(Genome((linear(0.5),), (), ()))
    shapes = layout.space.shapes(())
    # Half of the filters: 3 of 27 numbers, 5 of 27 and 5 of 10, with 3·3, 5·5 and 5·5 coefficients.
    kept = {"first": 81 + 9 + 6, "grouped": 135 + 25, "point": 50 + 25 + 10}
    expected = [
        [math.log(kept[name] / shapes[name].params), *FAMILY.describe(shapes[name], LinearSpec(0.5))]
        for name in ("first", "grouped", "point")
    ]
    assert found == pytest.approx([number for one in expected for number in one])
    assert layout.convolutions == 3 and layout.log_sizes == pytest.approx([math.log(168)])

"""What a bound space asks for, means and says, on a net small enough to count by hand.

Parameters of `Tiny` at width 1: first 3·6·9 + 6 = 168, grouped 3·10·9 = 270, point 10·10 + 10 = 110 and the
head 110: 658 in all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from spaces import bind_tiny

from lcsearch.core.parameters import NotInSpace
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.layers.families.linear import LinearSpec

POINT = {"kind": ["conv", "linear"], "alpha": {"low": 0.1, "high": 1.0}}
PLAIN = {"point/kind": "conv"}
TENTH = {"point/kind": "linear", "point/alpha": 0.1}
THIN = POINT | {"channels": {"low": 0.5, "high": 1.0}}


def model(**layers: LinearSpec) -> ModelSpec:
    return ModelSpec("tiny", 10, 3, layers=layers)


def thin(share: float, **layers: LinearSpec) -> ModelSpec:
    """With so much of the ten channels of ``point``."""
    return ModelSpec("tiny", 10, 3, layers=layers, channels={"point": share}, image_size=(32, 32))


def test_numbers_of_the_recipe_have_four_digits_and_whole_ones_stay_whole() -> None:
    bound = bind_tiny(
        {"point": POINT},
        regularizer={"weight": {"low": 0.01, "high": 0.1}},
        train={"lr": {"low": 0.01, "high": 1.0}, "batch_size": {"low": 1, "high": 99_999}, "momentum": 0.8},
    )
    asked = {"regularizer/weight": 0.0123456, "train/lr": 0.0543219, "train/batch_size": 12_345}
    found = bound.decode(TENTH | asked)
    assert found == TrialSpec(
        model(point=LinearSpec(0.1)),
        Regularizer(0.01235),
        Recipe(lr=0.05432, batch_size=12_345, momentum=0.8),
    )
    assert isinstance(found.recipe.batch_size, int)
    assert bound.fixed == {"momentum": 0.8}
    encoded = bound.encode(replace(found, regularizer=Regularizer(0.0123456)))
    assert encoded is not None
    assert encoded[0] == TENTH | asked | {"train/lr": 0.05432}
    assert encoded[1].keys() == encoded[0].keys()


def test_the_regularizer_may_be_off() -> None:
    rule = {"weight": {"low": 0.01, "high": 0.1}, "off": True}
    bound = bind_tiny({"point": POINT}, regularizer=rule)
    on = bound.decode(TENTH | {"regularizer": "on", "regularizer/weight": 0.05})
    assert on.regularizer == Regularizer(0.05)
    assert bound.decode(TENTH | {"regularizer": "off"}).regularizer == Regularizer(0.0)
    for spec, answers in (
        (on, {"regularizer": "on", "regularizer/weight": 0.05}),
        (replace(on, regularizer=Regularizer(0.0)), {"regularizer": "off"}),
    ):
        encoded = bound.encode(spec)
        assert encoded is not None and encoded[0] == TENTH | answers
    # Of no matter where nothing is compressed: then it is off.
    encoded = bound.encode(TrialSpec(model(), Regularizer(0.7)))
    assert encoded is not None and encoded[0] == PLAIN | {"regularizer": "off"}


def test_where_the_regularizer_is_always_on_a_plain_model_has_any_weight() -> None:
    bound = bind_tiny({"point": POINT}, regularizer={"weight": {"low": 0.01, "high": 0.1}})
    encoded = bound.encode(TrialSpec(model(), Regularizer(0.7)))
    assert encoded is not None and encoded[0] == PLAIN | {"regularizer/weight": 0.1}


@pytest.mark.parametrize(
    ("changes", "inside"),
    [
        ({}, True),
        ({"weight": 0.10008}, True),
        ({"weight": 0.1002}, False),
        ({"lr": 0.10008}, True),
        ({"lr": 0.1002}, False),
        ({"lr": 0.00999}, True),
        ({"lr": 0.0098}, False),
        ({"every": 2}, False),
        ({"reduction": "sum"}, False),
    ],
    ids=str,
)
def test_less_than_a_tenth_of_a_percent_beyond_an_end_is_the_end(
    changes: dict[str, Any], inside: bool
) -> None:
    both = {"low": 0.01, "high": 0.1}
    bound = bind_tiny({"point": POINT}, regularizer={"weight": both}, train={"lr": both})
    recipe = Recipe(lr=changes.get("lr", 0.05))
    own = {name: value for name, value in changes.items() if name != "lr"}
    spec = TrialSpec(model(point=LinearSpec(0.1)), replace(Regularizer(0.05), **own), recipe)
    assert (bound.encode(spec) is not None) is inside


def test_what_the_space_says_nothing_of_is_the_given_recipes() -> None:
    bound = bind_tiny({"point": POINT})
    own = Recipe(epochs=9, lr=0.3)
    assert bound.decode(PLAIN).recipe == Recipe()
    assert bound.decode(PLAIN, own).recipe == own
    encoded = bound.encode(TrialSpec(model(), recipe=own))
    assert encoded is not None and encoded[0] == PLAIN


def test_the_common_factor_is_the_smallest_that_reaches_every_layer() -> None:
    rule = {"kind": ["conv", "linear"], "alpha": {"low": 0.1, "high": 0.5}}
    bound = bind_tiny({"point": rule, "first": rule}, shrink={"low": 0.1, "high": 1.0})
    encoded = bound.encode(TrialSpec(model(point=LinearSpec(0.1), first=LinearSpec(1 / 3))))
    assert encoded is not None
    assert encoded[0] == {
        "shrink": pytest.approx(2 / 3, rel=1e-5),
        "first/kind": "linear", "first/alpha": pytest.approx(0.5, rel=1e-5),
        "point/kind": "linear", "point/alpha": pytest.approx(0.15, rel=1e-5),
    }  # fmt: skip
    encoded = bound.encode(TrialSpec(model()))
    assert encoded is not None and encoded[0] == {"shrink": 1.0, "first/kind": "conv", "point/kind": "conv"}
    encoded = bound.encode(TrialSpec(model(point=LinearSpec(0.1))))
    assert encoded is not None and encoded[0]["shrink"] == pytest.approx(0.2)
    halved = {"shrink": 0.5, "first/kind": "conv", "point/kind": "linear", "point/alpha": 0.4}
    assert bound.decode(halved).model == model(point=LinearSpec(0.2))


def test_models_are_canonical_and_in_module_order() -> None:
    bound = bind_tiny({"first": POINT, "grouped": POINT, "point": THIN})
    swapped = {"point": LinearSpec(0.22), "first": LinearSpec(0.5)}
    found = bound.canonical(ModelSpec("tiny", 10, 3, layers=swapped))
    assert found == model(first=LinearSpec(0.5), point=LinearSpec(0.2))
    assert list(found.layers) == ["first", "point"]
    made = bound.model((6, 10, 5), swapped)
    assert made == thin(0.5, **swapped) and list(made.layers.items()) == list(reversed(swapped.items()))
    assert bound.canonical(model(point=LinearSpec(1.0))) == model()
    third = dict.fromkeys(("first", "grouped", "point"), LinearSpec(0.5))
    assert bound.canonical(model(**third)) == model(**third)
    assert bound.canonical(thin(0.48)) == thin(0.5)
    assert bound.canonical(replace(thin(0.5), image_size=(64, 64))) == thin(0.5)
    assert bound.canonical(thin(0.98)) == bound.canonical(thin(1.0)) == model()
    assert bound.canonical(thin(0.1)) == thin(0.1), "what the space leaves out is a model too"
    assert bound.canonical(thin(0.5, point=LinearSpec(0.3))) == thin(0.5, point=LinearSpec(0.4))
    assert bound.canonical(replace(model(), width=0.5)) is None
    assert bound.canonical(replace(thin(0.5), channels={"head": 0.5})) is None
    assert bound.canonical(model(nowhere=LinearSpec(0.5))) is None
    assert bound.canonical(model(point=LinearSpec(1.5))) is None, "no such share"


def test_only_models_of_the_same_net_are_encoded() -> None:
    bound = bind_tiny({"point": THIN})
    encoded = bound.encode(TrialSpec(thin(0.5)))
    assert encoded is not None and encoded[0] == PLAIN | {"point/channels": 0.5}
    for changes in ({"backbone": "other"}, {"num_classes": 9}, {"in_channels": 1}):
        assert bound.encode(TrialSpec(replace(thin(0.5), **changes))) is None
    assert bound.encode(TrialSpec(thin(0.5, first=LinearSpec(0.5)))) is None, "first is not searched"
    assert bound.encode(TrialSpec(thin(0.4))) is None, "below the share that the space allows"
    assert bind_tiny({"point": POINT}).encode(TrialSpec(thin(0.5))) is None, "no channels are searched"


def test_a_spec_that_is_not_canonical_leaves_its_canonical_meaning() -> None:
    bound = bind_tiny({"point": POINT})
    encoded = bound.encode(TrialSpec(model(point=LinearSpec(0.22))))
    assert encoded is not None
    assert bound.decode(encoded[0]).model == model(point=LinearSpec(0.2))


def test_a_recipe_that_leaves_a_searched_field_open_is_outside() -> None:
    bound = bind_tiny({"point": POINT}, train={"crop": {"low": 0, "high": 4}})
    assert bound.encode(TrialSpec(model(), recipe=Recipe(crop=None))) is None
    encoded = bound.encode(TrialSpec(model(), recipe=Recipe(crop=2)))
    assert encoded is not None and encoded[0] == PLAIN | {"train/crop": 2}


def test_the_plain_net_has_all_channels_also_where_the_space_takes_some() -> None:
    bound = bind_tiny({"point": POINT | {"channels": {"low": 0.3, "high": 0.5}}})
    assert bound.plain() == model()
    assert bound.encode(TrialSpec(bound.plain())) is None
    assert bound.largest() == thin(0.5)


def test_sizes_by_hand() -> None:
    """Linear with one of ten filters: 10 + 9 coefficients + 10 of the bias; of half of them one of five."""
    bound = bind_tiny({"point": THIN})
    assert bound.plain() == bound.largest() == model()
    assert bound.params(bound.plain()) == 658
    assert bound.params(model(point=LinearSpec(0.1))) == 658 - 110 + 29
    # With five channels: point 10 + 4 + 5, head 5·10 + 10.
    assert bound.smallest() == thin(0.5, point=LinearSpec(0.2))
    assert bound.params(bound.smallest()) == 168 + 270 + 19 + 60


def test_more_models_than_are_remembered_mean_what_they_meant() -> None:
    bound = bind_tiny({"point": POINT})
    asked = [{"point/kind": "linear", "point/alpha": 0.1 + step / 40} for step in range(30)]
    first, again = ([bound.decode(one).model for one in asked] for _ in range(2))
    assert first == again and len({one.layers.get("point") for one in first}) > 5


@pytest.mark.parametrize(
    ("granularity", "words"),
    [
        ("layer", "2 of 3 convolutions are searched, each for itself: 2 choices, 4 dimensions"),
        ("stage", "2 of 3 convolutions are searched, one choice a stage: 1 choices, 2 dimensions"),
        ("network", "2 of 3 convolutions are searched, one choice for all: 1 choices, 2 dimensions"),
    ],
)
def test_what_people_are_told(granularity: str, words: str) -> None:
    rule = POINT | {"alpha": {"low": 0.1, "high": 0.9}}
    lines = bind_tiny({"first": {"kind": "conv"}, "*": rule}, granularity=granularity).describe()
    # grouped with one of ten filters: 27 + 9, and point as above.
    assert lines == [words, "smallest model 343 parameters, largest 658"]


def test_people_are_told_what_else_is_searched() -> None:
    both = {"low": 0.01, "high": 0.1}
    bound = bind_tiny(
        {"point": POINT},
        shrink={"low": 0.5, "high": 1.0},
        regularizer={"weight": both, "off": True},
        train={"lr": both, "momentum": 0.8},
    )
    assert bound.describe() == [
        "1 of 3 convolutions are searched, each for itself: 1 choices, 6 dimensions",
        "also searched: shrink, regularizer, regularizer/weight, train/lr",
        "smallest model 577 parameters, largest 658",
    ]


def test_values_that_lie_outside_mean_nothing() -> None:
    bound = bind_tiny({"point": POINT}, train={"lr": {"low": 0.01, "high": 0.1}})
    with pytest.raises(NotInSpace, match="train/lr"):
        bound.decode(PLAIN)
    with pytest.raises(NotInSpace, match=r"train/lr: 0\.2 is not in "):
        bound.decode(PLAIN | {"train/lr": 0.2})

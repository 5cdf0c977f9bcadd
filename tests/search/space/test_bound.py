"""From choices to models and back."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import optuna
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spaces import EVERYTHING, OF_BACKBONES, SPACES, Random, bind_tiny

from lcsearch.core.parameters import NotInSpace
from lcsearch.core.spec import LayerSpec, ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.layers.families.linear import LinearSpec


def test_only_what_a_choice_needs_is_asked_for() -> None:
    bound = bind_tiny({"point": EVERYTHING})
    assert bound.decode({"point/kind": "conv", "regularizer": "on"}).model.layers == {}
    with pytest.raises(NotInSpace, match="point/alpha"):
        bound.decode({"point/kind": "linear"})
    found = bound.decode({"point/kind": "linear", "point/alpha": 0.1, "point/coefficients": "full"})
    assert found.model.layers == {"point": LinearSpec(0.1)}
    with pytest.raises(NotInSpace, match="point/rank_ratio"):
        bound.decode({"point/kind": "linear", "point/alpha": 0.1, "point/coefficients": "low_rank"})
    with pytest.raises(NotInSpace, match="point/alpha"):
        bound.decode({"point/kind": "linear", "point/alpha": 1.1, "point/coefficients": "full"})
    assert [parameter.name for parameter in bound.parameters] == [
        "point/kind", "point/alpha", "point/coefficients", "point/rank_ratio", "point/sparsity",
    ]  # fmt: skip
    assert bound.dimensions == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_optuna_asks_the_same_names_and_ranges(name: str) -> None:
    bound = SPACES[name]()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        found = bound.suggest(trial)
        encoded = bound.encode(found)
        assert encoded is not None
        # A choice may turn out to be another one's model, and be encoded as that one.
        both = trial.distributions.keys() & encoded[1].keys()
        assert {name: encoded[1][name] for name in both} == {name: trial.distributions[name] for name in both}
        assert both == encoded[1].keys() or "shared" in name
        assert bound.decode(trial.params) == found


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SPACES if name not in OF_BACKBONES])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=552)
def test_encode_is_the_inverse_of_suggest(name: str, seed: int) -> None:
    check_encode(name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_BACKBONES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=552)
@example(seed=43847)  # an alpha on the edge between two counts of primary filters, with a shrink
def test_it_is_on_the_backbones_which_take_longer(name: str, seed: int) -> None:
    check_encode(name, seed)


def check_encode(name: str, seed: int) -> None:
    bound = SPACES[name]()
    found = bound.suggest(Random(random.Random(seed)))
    assert bound.canonical(found.model) == found.model
    encoded = bound.encode(found)
    assert encoded is not None
    params, distributions = encoded
    # Refuses a value that is outside its range.
    optuna.trial.create_trial(value=0.0, params=params, distributions=distributions)
    assert bound.decode(params) == found


def test_what_lies_outside_is_not_encoded() -> None:
    bound = bind_tiny(
        {"point": {"kind": "linear", "alpha": {"low": 0.2, "high": 0.3}}},
        regularizer={"weight": {"low": 0.01, "high": 0.1}},
        train={"lr": {"low": 0.01, "high": 0.1}, "momentum": 0.8},
    )

    def encoded(
        layers: dict[str, LayerSpec],
        weight: float = 0.05,
        lr: float = 0.05,
        momentum: float = 0.8,
        **changes: Any,
    ) -> bool:
        model = replace(ModelSpec("tiny", 10, 3, layers=layers), **changes)
        recipe = Recipe(lr=lr, momentum=momentum)
        return bound.encode(TrialSpec(model, Regularizer(weight), recipe)) is not None

    good = {"point": LinearSpec(0.2)}
    assert encoded(good)
    assert encoded({"point": LinearSpec(0.21)}), "a spec need not be canonical"
    assert not encoded({})
    assert not encoded({"point": LinearSpec(0.5)})
    assert not encoded({"point": LinearSpec(0.2, sparsity=0.5)})
    assert not encoded(good | {"first": LinearSpec(0.2)}), "first is not searched"
    assert not encoded(good | {"nowhere": LinearSpec(0.2)})
    assert not encoded(good, weight=0.5)
    assert not encoded(good, weight=0.0)
    assert not encoded(good, num_classes=11)
    assert not encoded(good, width=0.5)
    assert not encoded(good, lr=0.5)
    assert not encoded(good, momentum=0.9)


def test_a_recipe_without_a_field_that_is_searched_is_outside() -> None:
    bound = bind_tiny({"point": EVERYTHING}, train={"crop": {"low": 0, "high": 4}})
    model = ModelSpec("tiny", 10, 3)
    assert bound.encode(TrialSpec(model, recipe=Recipe(crop=None))) is None
    assert bound.encode(TrialSpec(model, recipe=Recipe(crop=2))) is not None


def test_the_recipe_that_is_given_is_completed() -> None:
    train = {"lr": {"low": 0.01, "high": 1.0}, "momentum": 0.8}
    bound = bind_tiny({"point": EVERYTHING}, train=train)
    found = bound.decode({"point/kind": "conv", "train/lr": 0.25}, Recipe(epochs=7, lr=0.5, momentum=0.5))
    assert found.recipe == Recipe(epochs=7, lr=0.25, momentum=0.8)


def test_without_a_linear_layer_the_regularizer_is_off() -> None:
    bound = bind_tiny({"point": EVERYTHING}, regularizer={"weight": {"low": 0.01, "high": 0.1}})
    found = bound.decode({"point/kind": "conv", "regularizer/weight": 0.05})
    assert found.regularizer == Regularizer(0.0)
    assert bound.encode(found) is not None

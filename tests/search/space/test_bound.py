"""From choices to models and back."""

from __future__ import annotations

import random
from typing import Any

import optuna
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spaces import EVERYTHING, SPACES, Random, bind

from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec, ModelSpec, Regularizer
from lcsearch.nets import surgery
from lcsearch.search.space import BoundSpace, load_space
from lcsearch.search.space.parameters import NotInSpace


def test_only_what_a_choice_needs_is_asked_for() -> None:
    bound = bind({"point": EVERYTHING})
    assert bound.decode({"point/kind": "conv", "regularizer": "on"}).model.layers == {}
    with pytest.raises(NotInSpace, match="point/alpha"):
        bound.decode({"point/kind": "linear"})
    found = bound.decode({"point/kind": "linear", "point/alpha": 0.1, "point/coefficients": "full"})
    assert found.model.layers == {"point": LayerSpec("linear", 0.1)}
    with pytest.raises(NotInSpace, match="point/rank_ratio"):
        bound.decode({"point/kind": "linear", "point/alpha": 0.1, "point/coefficients": "low_rank"})
    with pytest.raises(NotInSpace, match="point/alpha"):
        bound.decode({"point/kind": "linear", "point/alpha": 1.1, "point/coefficients": "full"})
    assert [parameter.name for parameter in bound.parameters] == [
        "point/kind", "point/alpha", "point/coefficients", "point/rank_ratio", "point/sparsity",
    ]  # fmt: skip
    assert bound.dimensions == 5


@pytest.mark.parametrize("name", SPACES)
def test_optuna_asks_the_same_names_and_ranges(name: str) -> None:
    bound = SPACES[name]()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        found = bound.suggest(trial)
        encoded = bound.encode(*found)
        assert encoded is not None
        # More may be asked than is left of a choice that turns out to be another one's model.
        asked = {name: trial.distributions.get(name) for name in encoded[1]}
        assert asked == encoded[1]
        assert bound.decode(trial.params) == found


BOUND: dict[str, BoundSpace] = {}


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=552)
def test_encode_is_the_inverse_of_suggest(name: str, seed: int) -> None:
    bound = BOUND.setdefault(name, SPACES[name]())
    found = bound.suggest(Random(random.Random(seed)))
    assert bound.canonical(found.model) == found.model
    encoded = bound.encode(*found)
    assert encoded is not None
    params, distributions = encoded
    # Refuses a value that is outside its range.
    optuna.trial.create_trial(value=0.0, params=params, distributions=distributions)
    assert bound.decode(params) == found


def test_what_lies_outside_is_not_encoded() -> None:
    bound = bind(
        {"point": {"kind": "linear", "alpha": {"low": 0.2, "high": 0.3}}},
        regularizer={"weight": {"low": 0.01, "high": 0.1}},
        train={"lr": {"low": 0.01, "high": 0.1}, "momentum": 0.8},
    )
    template, train = ModelSpec("tiny", 10, 3), {"lr": 0.05}

    def encoded(layers: dict[str, LayerSpec], weight: float = 0.05, **changes: Any) -> bool:
        model = ModelSpec(
            **{"backbone": "tiny", "num_classes": 10, "in_channels": 3} | changes, layers=layers
        )
        return bound.encode(model, Regularizer(weight), train) is not None

    good = {"point": LayerSpec("linear", 0.2)}
    assert encoded(good)
    assert encoded({"point": LayerSpec("linear", 0.21)}), "a spec need not be canonical"
    assert not encoded({})
    assert not encoded({"point": LayerSpec("linear", 0.5)})
    assert not encoded({"point": LayerSpec("linear", 0.2, sparsity=0.5)})
    assert not encoded(good | {"first": LayerSpec("linear", 0.2)}), "first is not searched"
    assert not encoded(good | {"nowhere": LayerSpec("linear", 0.2)})
    assert not encoded(good, weight=0.5)
    assert not encoded(good, weight=0.0)
    assert not encoded(good, num_classes=11)
    assert not encoded(good, width=0.5)
    for other in ({"lr": 0.5}, {}, {"lr": 0.05, "momentum": 0.9}):
        assert bound.encode(ModelSpec("tiny", 10, 3, layers=good), Regularizer(0.05), other) is None
    assert bound.encode(template, Regularizer(0.05), train) is None


def test_without_a_linear_layer_the_regularizer_is_off() -> None:
    bound = bind({"point": EVERYTHING}, regularizer={"weight": {"low": 0.01, "high": 0.1}})
    found = bound.decode({"point/kind": "conv", "regularizer/weight": 0.05})
    assert found.regularizer == Regularizer(0.0)
    assert bound.encode(*found) is not None


def test_widths_are_few_and_change_the_shapes() -> None:
    bound = bind({"*": EVERYTHING}, width={"low": 0.5, "high": 1.0, "log": True})
    assert len(bound.width.values) == 33
    values = {f"{name}/kind": "conv" for name in ("first", "grouped", "point")}
    found = bound.decode(values | {"width": 0.6})
    assert found.model.width == 38 / 64
    assert bound.shapes(0.5)["point"].out_channels == 4
    assert bound.shapes(1.0)["point"].out_channels == 10
    # alpha means another number of primary filters at another width
    linear = {"point/kind": "linear", "point/alpha": 0.3, "point/coefficients": "full"}
    assert bound.decode(values | linear | {"width": 1.0}).model.layers["point"].alpha == 0.3
    assert bound.decode(values | linear | {"width": 0.5}).model.layers["point"].alpha == 0.25


def test_a_width_that_the_net_cannot_have() -> None:
    template = ModelSpec("torchvision:resnet18", 10, 3)
    with torch.device("meta"):
        model = surgery.build_model(template)
    space = load_space(None, template.backbone).with_width(0.25, 1.0)
    with pytest.raises(InputError, match="width"):
        space.bind(model, template)

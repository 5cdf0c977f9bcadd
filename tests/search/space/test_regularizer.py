"""Where the regularizer's weight means nothing to any layer, it is off: such trials are the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from lcsearch.core.spec import LayerSpec, ModelSpec, Regularizer, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.layers.lookup import regularized
from lcsearch.nets.surgery import build_model
from lcsearch.search.space import BoundSpace, Space, bind
from lcsearch.search.space.common import same_trial
from lcsearch.testing._samples import Drawn

LINEAR, SEPARABLE = {"features.4": LinearSpec(0.5)}, {"features.8": SeparableSpec(1)}


@pytest.fixture(scope="module")
def space() -> BoundSpace:
    template = ModelSpec("base", 10, 1)
    with torch.device("meta"):
        model = build_model(template)
    rule = {"kind": ["conv", "linear", "separable"], "channels": 1.0}
    weight = {"weight": {"low": 1e-4, "high": 0.1, "log": True}, "off": True}
    made = {"version": 1, "backbone": "base", "layers": {"*": rule}, "regularizer": weight}
    return bind(Space.model_validate(made), model, template)


@pytest.mark.parametrize(
    ("layers", "means"), [({}, False), (SEPARABLE, False), (LINEAR, True), (LINEAR | SEPARABLE, True)]
)
def test_it_means_something_to_layers_with_a_loss_of_their_own(
    layers: Mapping[str, LayerSpec], means: bool, space: BoundSpace
) -> None:
    assert regularized(layers) is means
    spec = TrialSpec(replace(space.template, layers=layers), Regularizer(0.01))
    answers = space.encode(spec)
    assert answers is not None
    found = space.decode(answers[0])
    assert found.model == spec.model and (found.regularizer.weight > 0) is means
    assert same_trial(found, spec)


def test_drawn_trials_have_it_only_where_it_means_something(space: BoundSpace) -> None:
    drawn = [space.suggest(Drawn(random.Random(seed))) for seed in range(60)]
    kinds = [{layer.family for layer in spec.model.layers.values()} for spec in drawn]
    assert {"separable"} in kinds
    for spec, own in zip(drawn, kinds, strict=True):
        assert spec.regularizer.weight == 0 or "linear" in own

"""How large the models of a space are."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from spaces import EVERYTHING, SPACES, Random, bind_backbone, bind_tiny

from lcsearch.core.spec import Recipe, TrialSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.nets import surgery
from lcsearch.nets.count import count


@pytest.mark.parametrize(
    "name", ["everything", "absolute rank", "channels", "families and channels", "thin vgg11"]
)
def test_no_sampled_layer_is_as_large_as_a_plain_one_nor_a_rank_as_the_full_matrix(name: str) -> None:
    bound = SPACES[name]()
    for seed in range(200):
        model = bound.suggest(Random(random.Random(seed))).model
        shapes = bound.shapes(bound.thinning.counts(model.channels))
        for layer, spec in model.layers.items():
            out, size = shapes[layer].out_channels, shapes[layer].filter_size
            if isinstance(spec, SeparableSpec):
                ins, terms = shapes[layer].in_channels, spec.terms * out
                mixing = ins * terms if spec.rank is None else spec.rank * (ins + terms)
                assert spec.rank is None or mixing < ins * terms
                assert mixing + terms * size // ins < out * size
                continue
            p = round(spec.alpha * out)
            s = out - p
            coefficients = s * p
            if spec.rank is not None:
                coefficients = spec.rank * (s + p)
                assert coefficients < s * p
            elif spec.sparsity is not None:
                coefficients = s * p - round(spec.sparsity * s * p)
                assert coefficients >= 1
            assert p * size + coefficients < out * size


@pytest.mark.slow
def test_params_by_arithmetic_are_those_of_the_built_model() -> None:
    for name, size in (("base", 28), ("resnext29", 32)):
        bound = bind_backbone(name)
        for seed in range(3):
            spec = bound.suggest(Random(random.Random(seed))).model
            with torch.device("meta"):
                model = surgery.build_model(spec)
            assert bound.params(spec) == count(model, (3, size, size)).params


@pytest.mark.parametrize("layers", ["grouped", "point", "*"])
@pytest.mark.parametrize("kind", [["conv", "linear"], ["linear"]])
@pytest.mark.parametrize("coefficients", [["full"], ["low_rank"], ["sparse"], ["low_rank", "full"]])
@pytest.mark.parametrize("high", [1.0, 0.45])
def test_smallest_and_largest_by_brute_force(
    layers: str, kind: list[str], coefficients: list[str], high: float
) -> None:
    rule = EVERYTHING | {"kind": kind, "coefficients": coefficients, "alpha": {"low": 0.13, "high": high}}
    rule |= {"channels": {"low": 0.4, "high": 0.9}}
    bound = bind_tiny({layers: rule}, granularity="network")
    amounts = {"low_rank": [0.05, 0.3, 0.6, 1.0], "sparse": [0.1, 0.5, 0.95], "full": [0.0]}
    points = [
        {"kind": "linear", "alpha": 0.13 + (high - 0.13) * step / 100, "coefficients": chosen}
        | {"rank_ratio": amount, "sparsity": amount, "channels": share}
        for share in (0.4, 0.5, 0.7, 0.9)
        for step in range(101)
        for chosen in coefficients
        for amount in amounts[chosen]
    ]
    points += [{"kind": "conv", "channels": share} for share in (0.4, 0.9)] if "conv" in kind else []
    named = [{f"network/{key}": value for key, value in point.items()} for point in points]
    sizes = [bound.params(bound.decode(point).model) for point in named]
    assert bound.params(bound.smallest()) == min(sizes)
    assert bound.params(bound.largest()) == max(sizes)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_no_random_model_is_outside_smallest_and_largest(name: str) -> None:
    bound = SPACES[name]()
    low, high = bound.params(bound.smallest()), bound.params(bound.largest())
    sizes = [bound.params(bound.suggest(Random(random.Random(seed))).model) for seed in range(100)]
    assert low <= min(sizes) <= max(sizes) <= high


@pytest.mark.slow
def test_smallest_and_largest_are_models_of_the_space() -> None:
    for make in SPACES.values():
        bound = make()
        recipe = Recipe(lr=0.1, crop=2, momentum=0.8)
        for model in (bound.smallest(), bound.largest()):
            assert bound.encode(TrialSpec(model, recipe=recipe)) is not None


def test_every_size_is_likely() -> None:
    bound = bind_backbone("vgg11")
    baseline = bound.params(bound.template)
    sizes = [bound.params(bound.suggest(Random(random.Random(i))).model) / baseline for i in range(400)]
    assert sum(size < 0.1 for size in sizes) >= 40
    for low, high in itertools.pairwise([0.025, 0.05, 0.1, 0.2, 0.4]):
        assert any(low <= size < high for size in sizes)


def test_people_are_told_what_is_searched() -> None:
    lines = bind_backbone("vgg11").describe()
    assert lines[0].startswith("7 of 8 convolutions are searched, each for itself: 7 choices, ")
    assert lines[1] == "channels of 8 of 8 groups are searched"
    assert "regularizer" in lines[2]
    assert "largest 9.23M" in lines[3]

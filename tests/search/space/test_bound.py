from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec, ModelSpec, Regularizer
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.search.space import BoundSpace, load_space, parse_space
from lcsearch.search.space.parameters import NotInSpace

ALPHA = {"low": 1 / 64, "high": 1.0, "log": True}
EVERYTHING = {
    "kind": ["conv", "linear"],
    "alpha": ALPHA,
    "coefficients": ["full", "low_rank", "sparse"],
    "rank_ratio": {"low": 0.05, "high": 1.0},
    "sparsity": {"low": 0.1, "high": 0.95},
}


class Tiny(nn.Module):
    """Convolutions with and without bias, groups and a 1x1 kernel."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b = max(2, 2 * round(3 * width)), max(2, 2 * round(5 * width))
        self.first = nn.Conv2d(3, a, 3, padding=1)
        self.grouped = nn.Conv2d(a, b, 3, 2, 1, groups=2, bias=False)
        self.point = nn.Conv2d(b, b, 1)
        self.head = nn.Linear(b, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.point(self.grouped(self.first(x))).mean((2, 3)))


def bind(rules: dict[str, Any], **more: Any) -> BoundSpace:
    space = parse_space({"version": 1, "backbone": "*", "layers": rules, **more}, "f")
    return space.bind(Tiny(), ModelSpec("tiny", 10, 3), Tiny)


def bind_backbone(name: str, channels: int = 3, **more: Any) -> BoundSpace:
    template = ModelSpec(name, 10, channels)
    with torch.device("meta"):
        model = surgery.build_model(template)
    space = load_space(None, name)
    return parse_space(space.to_plain() | more, "f").bind(model, template)


class Random:
    """A trial that answers at random, and keeps its answers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.params: dict[str, Any] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: None = None, log: bool = False
    ) -> float:
        value = (
            math.exp(self.rng.uniform(math.log(low), math.log(high))) if log else self.rng.uniform(low, high)
        )
        return self.params.setdefault(name, min(max(value, low), high))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return self.params.setdefault(name, self.rng.randint(low, high))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self.params.setdefault(name, self.rng.choice(choices))


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


def test_optuna_asks_the_same_names_and_ranges() -> None:
    bound = bind_backbone("base")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        found = bound.suggest(trial)
        encoded = bound.encode(*found)
        assert encoded is not None
        assert {n: trial.distributions[n] for n in encoded[1] if n in trial.distributions} == {
            n: d for n, d in encoded[1].items() if n in trial.distributions
        }


SPACES = {
    "everything": lambda: bind({"*": EVERYTHING}),
    "absolute rank": lambda: bind(
        {"*": {"coefficients": ["low_rank"], "rank": {"low": 1, "high": 9}, "alpha": ALPHA, "kind": "linear"}}
    ),
    "narrow": lambda: bind(
        {"*": {"kind": "linear", "alpha": {"low": 0.3, "high": 0.45}, "coefficients": ["sparse"]}}
    ),
    "width": lambda: bind({"*": EVERYTHING}, width={"low": 0.5, "high": 2.0, "log": True}),
    "shrink": lambda: bind({"*": EVERYTHING}, shrink={"low": 0.01, "high": 1.0, "log": True}),
    "recipe": lambda: bind(
        {"first": EVERYTHING},
        regularizer={"weight": {"low": 1e-5, "high": 0.1, "log": True}, "off": True},
        train={"lr": {"low": 0.01, "high": 1.0, "log": True}, "crop": {"low": 0, "high": 4}, "momentum": 0.8},
    ),
    "stage": lambda: bind({"*": EVERYTHING}, granularity="stage"),
    "network": lambda: bind({"*": EVERYTHING}, granularity="network"),
    "vgg11": lambda: bind_backbone("vgg11"),
    "mobilenetv2": lambda: bind_backbone("mobilenetv2"),
    "vgg11 by stage": lambda: bind_backbone("vgg11", granularity="stage"),
    "resnext29 as one": lambda: bind_backbone("resnext29", granularity="network"),
}
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
    assert params.keys() == distributions.keys()
    assert all(
        distributions[key]._contains(distributions[key].to_internal_repr(params[key])) for key in params
    )
    assert bound.decode(params) == found


@pytest.mark.parametrize("name", ["everything", "absolute rank", "width"])
def test_no_sampled_layer_is_as_large_as_a_plain_one_nor_a_rank_as_the_full_matrix(name: str) -> None:
    bound = SPACES[name]()
    for seed in range(200):
        model = bound.suggest(Random(random.Random(seed))).model
        shapes = bound.shapes(model.width)
        for layer, spec in model.layers.items():
            out, size = shapes[layer].out_channels, shapes[layer].filter_size
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
    bound = bind({layers: rule}, granularity="network", width={"low": 0.5, "high": 1.2})
    amounts = {"low_rank": [0.05, 0.3, 0.6, 1.0], "sparse": [0.1, 0.5, 0.95], "full": [0.0]}
    points = [
        {"kind": "linear", "alpha": 0.13 + (high - 0.13) * step / 100, "coefficients": chosen}
        | {"rank_ratio": amount, "sparsity": amount, "width": width}
        for width in (0.5, 0.75, 1.0, 1.2)
        for step in range(101)
        for chosen in coefficients
        for amount in amounts[chosen]
    ]
    points += [{"kind": "conv", "width": width} for width in (0.5, 1.2)] if "conv" in kind else []
    named = [{key if key == "width" else f"network/{key}": v for key, v in point.items()} for point in points]
    sizes = [bound.params(bound.decode(point).model) for point in named]
    assert bound.params(bound.smallest()) == min(sizes)
    assert bound.params(bound.largest()) == max(sizes)


@pytest.mark.parametrize("name", SPACES)
def test_no_random_model_is_outside_smallest_and_largest(name: str) -> None:
    bound = SPACES[name]()
    low, high = bound.params(bound.smallest()), bound.params(bound.largest())
    sizes = [bound.params(bound.suggest(Random(random.Random(seed))).model) for seed in range(100)]
    assert low <= min(sizes) <= max(sizes) <= high


def test_smallest_and_largest_are_models_of_the_space() -> None:
    for make in SPACES.values():
        bound = make()
        train = {"lr": 0.1, "crop": 2, "momentum": 0.8}
        for model in (bound.smallest(), bound.largest()):
            assert bound.encode(model, Regularizer(), train) is not None


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


def test_stages_are_layers_of_one_output_size() -> None:
    groups = bind_backbone("vgg11", granularity="stage", layers={"*": EVERYTHING}).groups
    assert [len(group.members) for group in groups] == [1, 1, 2, 2, 2]
    assert [group.name for group in groups] == ["stage1", "stage2", "stage3", "stage4", "stage5"]
    groups = bind_backbone("resnet18", granularity="stage").groups
    assert [len(group.members) for group in groups] == [4, 4, 4, 4]


def test_a_stage_with_two_rules_has_two_choices() -> None:
    groups = bind({"first": EVERYTHING, "*": EVERYTHING}, granularity="network").groups
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
    groups = space.bind(Odd(), ModelSpec("odd", 10, 3)).groups
    assert [group.members for group in groups] == [("first",), ("grouped", "point")]


def test_layers_that_cannot_save_are_not_searched() -> None:
    depthwise = {"kind": "linear", "alpha": {"low": 0.5, "high": 1.0}}
    bound = bind_backbone("mobilenetv2", layers={"*.depthwise.*": depthwise, "*": EVERYTHING}, min_share=0.0)
    assert not [name for name in bound.searched_layers if "depthwise" in name]
    assert "blocks.16.project.0" in bound.searched_layers


def test_small_layers_are_not_searched() -> None:
    assert bind({"*": EVERYTHING}, min_share=0.4).searched_layers == ("grouped",)


def test_a_layer_name_that_the_net_lacks() -> None:
    with pytest.raises(InputError) as caught:
        bind({"pont": EVERYTHING})
    assert str(caught.value) == "--space: layers.pont: the net has no such convolution; did you mean 'point'?"


def test_a_net_without_convolutions() -> None:
    space = parse_space({"version": 1, "backbone": "*", "layers": {"*": EVERYTHING}}, "f")
    with pytest.raises(InputError, match="no convolution"):
        space.bind(nn.Linear(1, 1), ModelSpec("linear", 10, 3))


def test_people_are_told_what_is_searched() -> None:
    lines = bind_backbone("vgg11").describe()
    assert lines[0].startswith("7 of 8 convolutions are searched, each for itself: 7 choices, ")
    assert "regularizer" in lines[1]
    assert "largest 9.23M" in lines[2]


def test_every_size_is_likely() -> None:
    bound = bind_backbone("vgg11")
    baseline = bound.params(bound.template)
    sizes = [bound.params(bound.suggest(Random(random.Random(i))).model) / baseline for i in range(400)]
    assert sum(size < 0.1 for size in sizes) >= 40
    for low, high in itertools.pairwise([0.025, 0.05, 0.1, 0.2, 0.4]):
        assert any(low <= size < high for size in sizes)

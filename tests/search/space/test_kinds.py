"""Other families in place of those that a space names."""

from __future__ import annotations

from typing import Any

import pytest
from spaces import bind_backbone

from lcsearch.core.errors import InputError
from lcsearch.search.space import Space, check_kinds, load_space, parse_space, with_kinds

LAYERS = {
    "features.0": {"kind": "conv"},
    "features.4": {"kind": "linear", "alpha": 0.5, "terms": 2, "filters": 0.25},
    "*": {"kind": ["conv", "linear"], "bank": "random"},
}


def space(**more: Any) -> Space:
    return parse_space({"version": 1, "backbone": "base", "layers": LAYERS, **more}, "space")


def kinds(found: Space) -> list[list[str]]:
    return [rule.kind for rule in found.layers.values()]


def test_what_is_plain_stays_plain_and_what_may_be_plain_still_may() -> None:
    found = with_kinds(space(shrink={"low": 0.5, "high": 1}), ["basis", "separable"])
    assert kinds(found) == [["conv"], ["basis", "separable"], ["conv", "basis", "separable"]]
    assert found.shrink.low == 0.5
    named = kinds(with_kinds(space(), ["linear", "conv"]))
    assert named == [["conv"], ["linear", "conv"], ["linear", "conv"]]


def test_what_the_space_says_of_a_family_counts_though_it_did_not_name_it() -> None:
    found = with_kinds(space(), ["separable", "basis"]).layers
    assert found["features.4"].offered["separable"].terms.high == 2
    assert found["features.4"].offered["basis"].filters.high == 0.25
    assert found["*"].offered["basis"].banks == ["random"]
    assert found["*"].offered["basis"].filters.high == 1.0


@pytest.mark.parametrize("name", ["base", "vgg11", "mobilenetv2", "resnet18", "generic"])
def test_the_families_that_a_space_names_change_nothing(name: str) -> None:
    own = load_space(None, name)
    for named in {tuple(rule.kind) for rule in own.layers.values()} - {("conv",)}:
        changed = with_kinds(own, named)
        same = [changed.layers[p] == rule for p, rule in own.layers.items() if tuple(rule.kind) == named]
        assert same and all(same)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["lineer"], "kinds: there is no family 'lineer'; did you mean 'linear'?"),
        (["basis", "basis"], "kinds: 'basis' stands there twice"),
    ],
)
def test_what_cannot_be_named(named: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        with_kinds(space(), named)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"*": {"kind": "conv"}}, "the space keeps all of them plain"),
        ({"features.0": {"kind": ["conv", "linear"], "filters": 1.0}},
         "it would save nothing"),
    ],
)  # fmt: skip
def test_a_family_that_no_layer_can_be_of_is_said(layers: dict[str, Any], message: str) -> None:
    plain = parse_space({"version": 1, "backbone": "base", "layers": layers}, "space")
    bound = bind_backbone("base", 1, layers=with_kinds(plain, ["basis"]).to_plain()["layers"], min_share=0.0)
    with pytest.raises(InputError) as caught:
        check_kinds(bound, ["conv", "basis"])
    assert str(caught.value) == f"kinds: no convolution of base can be basis: {message}"


def test_where_models_train_from_scratch_random_banks_are_offered() -> None:
    found = with_kinds(space(), ["basis"])
    assert found.layers["features.4"].offered["basis"].banks == ["fitted"]
    scratch = found.from_scratch()
    assert scratch.layers["features.4"].offered["basis"].banks == ["random"]
    assert parse_space(scratch.to_plain(), "space").to_plain() == scratch.to_plain()
    assert space().from_scratch() == space()
    rules = {"features.4": {"kind": ["basis"], "energy": 0.9}, "*": {"kind": ["conv"]}}
    with pytest.raises(InputError) as caught:
        parse_space({"version": 1, "backbone": "base", "layers": rules}, "space").from_scratch()
    assert str(caught.value) == (
        'space: layers."features.4".energy: is not allowed; it means the weights of a trained net, but all '
        "models train from scratch"
    )

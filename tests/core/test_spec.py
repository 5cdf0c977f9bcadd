"""What specs are as plain data, and how layers are read from it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.core.strict import validate
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import LinearSpec

LAYERS = {"a.b": LinearSpec(0.25, rank=3), "c": LinearSpec(0.5), "d": LinearSpec(0.75, sparsity=0.0)}
SPEC = TrialSpec(
    ModelSpec("vgg11", 10, 1, 0.75, LAYERS),
    Regularizer(0.5, 10, "sum"),
    Recipe(3, 32, 0.1, crop=0, flip=False),
)
PLAIN = {
    "version": 1,
    "backbone": "vgg11",
    "num_classes": 10,
    "in_channels": 1,
    "width": 0.75,
    "layers": {
        "a.b": {"family": "linear", "alpha": 0.25, "rank": 3},
        "c": {"family": "linear", "alpha": 0.5},
        "d": {"family": "linear", "alpha": 0.75, "sparsity": 0.0},
    },
    "regularizer": {"weight": 0.5, "every": 10, "reduction": "sum"},
    "recipe": {
        "epochs": 3, "batch_size": 32, "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0005, "warmup": 0.25,
        "label_smoothing": 0.0, "average": 0.25, "clip": 1.0, "crop": 0, "flip": False, "coefficient_l1": 0.0,
        "precision": "float32", "init": "scratch", "distill": 0.0,
    },
}  # fmt: skip
SORTED = (
    '{"backbone": "vgg11", "in_channels": 1, "layers": {"a.b": {"alpha": 0.25, "family": "linear", '
    '"rank": 3}, "c": {"alpha": 0.5, "family": "linear"}, "d": {"alpha": 0.75, "family": "linear", '
    '"sparsity": 0.0}}, '
    '"num_classes": 10, "recipe": {"average": 0.25, "batch_size": 32, "clip": 1.0, "coefficient_l1": 0.0, '
    '"crop": 0, "distill": 0.0, "epochs": 3, "flip": false, "init": "scratch", "label_smoothing": 0.0, '
    '"lr": 0.1, "momentum": 0.9, "precision": "float32", "warmup": 0.25, "weight_decay": 0.0005}, '
    '"regularizer": {"every": 10, "reduction": "sum", "weight": 0.5}, "version": 1, "width": 0.75}'
)


def test_plain_data_is_laid_out_as_a_config_file() -> None:
    assert SPEC.to_plain() == PLAIN
    assert list(SPEC.to_plain()) == list(PLAIN), "in the order of a file that people read"


def test_a_fingerprint_never_changes() -> None:
    """Runs remember it, whatever version goes on with them."""
    assert SPEC.fingerprint() == hashlib.sha256(SORTED.encode()).hexdigest()[:16]


def test_a_fingerprint_tells_specs_apart_and_not_the_order_of_layers() -> None:
    turned = replace(SPEC, model=replace(SPEC.model, layers=dict(reversed(LAYERS.items()))))
    assert turned.fingerprint() == SPEC.fingerprint()
    others = [
        replace(SPEC, regularizer=Regularizer(0.5, 10, "mean")),
        replace(SPEC, recipe=replace(SPEC.recipe, crop=None)),
        replace(SPEC, model=replace(SPEC.model, layers=LAYERS | {"c": LinearSpec(0.25)})),
    ]
    assert len({spec.fingerprint() for spec in [SPEC, *others]}) == 4


MODEL = {"backbone": "vgg11", "num_classes": 10, "in_channels": 1}


def test_layers_are_read_by_their_family() -> None:
    plain = {"x": PLAIN["layers"]["a.b"], "y": {"family": "conv"}, "z": LinearSpec(0.5)}  # type: ignore[index]
    found = validate(ModelSpec, MODEL | {"layers": plain}, "f")
    assert found.layers == {"x": LinearSpec(0.25, rank=3), "y": ConvSpec(), "z": LinearSpec(0.5)}
    assert found.width == 1.0 and validate(ModelSpec, MODEL | {"layers": None}, "f").layers == {}


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (3, "layers.x: 3 is not allowed; write a family and its fields"),
        (None, "layers.x: None is not allowed; write a family and its fields"),
        ("l" * 60, f"layers.x: '{'l' * 56}... is not allowed; write a family and its fields"),
        ({"alpha": 0.5}, "layers.x.family: is missing"),
        ({}, "layers.x.family: is missing"),
        ({"family": 3}, "layers.x.family: 3 is not text"),
        ({"family": None}, "layers.x.family: None is not text"),
        ({"family": "linaer"}, "layers.x.family: there is no family 'linaer'; did you mean 'linear'?"),
        ({"family": "linear", "alpha": 2}, "layers.x.alpha: 2 is not allowed; it must be at most 1"),
        (
            {"family": "linear", "familly": 2},
            "layers.x.familly: unknown key; choose from alpha, rank, sparsity",
        ),
    ],
)
def test_what_is_no_layer_is_one_line(layer: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(ModelSpec, MODEL | {"layers": {"x": layer}}, "f")
    assert str(caught.value) == f"f: {said}"


def test_a_spec_of_all_channels_has_the_fingerprint_of_before_there_were_any() -> None:
    spec = TrialSpec(ModelSpec("base", 10, 3))
    assert "channels" not in spec.to_plain() and "image_size" not in spec.to_plain()
    thinner = TrialSpec(ModelSpec("base", 10, 3, channels={"features.0": 0.5}, image_size=(8, 8)))
    assert thinner.fingerprint() != spec.fingerprint()
    other = TrialSpec(ModelSpec("base", 10, 3, channels={"features.0": 0.25}, image_size=(8, 8)))
    assert thinner.fingerprint() != other.fingerprint()


THIN = ModelSpec("vgg11", 10, 1, channels={"features.0": 0.5}, image_size=(28, 32))


def test_channels_are_written_with_the_images_that_they_were_found_on() -> None:
    plain = THIN.to_plain()
    assert (plain["channels"], plain["image_size"]) == ({"features.0": 0.5}, [28, 32])
    assert validate(ModelSpec, plain, "f") == THIN
    unknown = replace(THIN, image_size=None)
    assert unknown.to_plain()["image_size"] is None
    assert validate(ModelSpec, unknown.to_plain(), "f") == unknown
    assert not {"channels", "image_size"} & replace(THIN, channels={}).to_plain().keys()


@pytest.mark.parametrize("size", [[28], [28, 28, 3], [0, 28], [28, 28.0], [True, 28], "28x28", 28])
def test_a_size_of_images_is_two_whole_numbers(size: Any) -> None:
    with pytest.raises(InputError) as caught:
        validate(ModelSpec, THIN.to_plain() | {"image_size": size}, "f")
    said = str(caught.value)
    assert said.startswith("f: image_size: ")
    assert said.endswith(" is not allowed; write [height, width], in pixels")
    assert validate(ModelSpec, THIN.to_plain() | {"image_size": (1, 28)}, "f").image_size == (1, 28)

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lcsearch.core.config import Source, config_text, parse_config, read_config, recipe_values, write_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.core.yaml import parse_yaml
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import LinearSpec

LAYERS = {
    "features.4": LinearSpec(0.25),
    "features.8": LinearSpec(0.125, rank=3),
    "off": LinearSpec(0.0625, sparsity=0.5),
}
SPEC = TrialSpec(
    ModelSpec("vgg11", 10, 1, 0.75, LAYERS), Regularizer(3e-5, 10, "sum"), Recipe(lr=1e-5, crop=4, flip=False)
)
SOURCE = Source("runs/one", 17, 91.5, 123_456, 7_890, "the knee of the front")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    write_config(path, SPEC, SOURCE)
    config = read_config(path)
    assert config.spec == SPEC
    assert config.source == SOURCE


def test_a_config_is_short_and_in_order() -> None:
    spec = TrialSpec(ModelSpec("base", 10, 3, layers={"a": ConvSpec(), "b": LinearSpec(0.25, rank=3)}))
    assert config_text(spec, Source("runs/é", 17, why="the knee")).splitlines() == [
        "version: 1",
        "backbone: base",
        "num_classes: 10",
        "in_channels: 3",
        "layers:",
        "  b: {family: linear, alpha: 0.25, rank: 3}",
        "regularizer: {weight: 0.0, every: 1, reduction: mean}",
        "recipe: {epochs: 4, batch_size: 64, lr: 0.05, momentum: 0.9, weight_decay: 0.0005, warmup: 0.25, "
        "label_smoothing: 0.0,",
        "  average: 0.25, clip: 1.0, crop: null, flip: null, coefficient_l1: 0.0, precision: float32, "
        "init: scratch,",
        "  distill: 0.0}",
        "source: {run: runs/é, trial: 17, why: the knee}",
    ]


def test_any_yaml_reader_understands_a_config() -> None:
    plain = yaml.safe_load(config_text(SPEC, SOURCE))
    assert plain["version"] == 1
    assert plain["layers"]["features.8"] == {"family": "linear", "alpha": 0.125, "rank": 3}
    assert plain["source"]["trial"] == 17


def test_plain_layers_and_unknown_sources_are_left_out() -> None:
    spec = TrialSpec(ModelSpec("base", 10, 3, layers={"features.0": ConvSpec()}))
    plain = yaml.safe_load(config_text(spec))
    assert plain["layers"] == {}
    assert "source" not in plain
    assert parse_config(plain, "f").spec.model.layers == {}
    assert parse_config(spec.to_plain(), "f").spec.model.layers == {}


layer_specs = st.builds(
    LinearSpec,
    alpha=st.floats(1e-6, 1),
    rank=st.none() | st.integers(1, 500),
) | st.builds(LinearSpec, alpha=st.floats(1e-6, 1), sparsity=st.floats(0, 0.999))
specs = st.builds(
    TrialSpec,
    st.builds(
        ModelSpec,
        backbone=st.text("abcdef:._", min_size=1),
        num_classes=st.integers(1, 1000),
        in_channels=st.integers(1, 4),
        width=st.floats(1e-3, 4),
        layers=st.dictionaries(st.text("ab.09_:#'\"é ", min_size=1, max_size=8), layer_specs, max_size=4),
    ),
    st.builds(Regularizer, st.floats(0, 1), st.integers(1, 99), st.sampled_from(["mean", "sum"])),
    st.builds(Recipe, epochs=st.integers(1, 99), lr=st.floats(1e-9, 9), crop=st.none() | st.integers(0, 9)),
)


@settings(max_examples=40, deadline=None)
@given(specs)
def test_round_trip(spec: TrialSpec) -> None:
    assert parse_config(parse_yaml(config_text(spec), "f"), "f").spec == spec
    assert parse_config(spec.to_plain(), "f").spec == spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("version: 2", "f: version: 2 is not 1, the version this lcsearch reads"),
        ("backbon: vgg11", "f: backbon: unknown key; did you mean 'backbone'?"),
        ("num_classes: 0", "f: num_classes: 0 is not allowed; it must be at least 1"),
        ("num_classes: ten", "f: num_classes: 'ten' is not a whole number"),
        ("width: -1.0", "f: width: -1.0 is not allowed; it must be above 0"),
        (
            "layers: {a.b: {family: linea}}",
            "f: layers.\"a.b\".family: there is no family 'linea'; did you mean 'linear'?",
        ),
        (
            "layers: {a: {family: linear, alpha: 1.5}}",
            "f: layers.a.alpha: 1.5 is not allowed; it must be at most 1",
        ),
        (
            "layers: {a: {family: linear, rank: 0}}",
            "f: layers.a.rank: 0 is not allowed; it must be at least 1",
        ),
        (
            "layers: {a: {family: linear, rank: 1, sparsity: 0.5}}",
            "f: layers.a: rank and sparsity exclude each other",
        ),
        ("layers: {a: {family: conv, rank: 1}}", "f: layers.a: a plain conv has neither rank nor sparsity"),
        ("layers: {a: {alpha: 0.5}}", "f: layers.a.family: is missing"),
        ("layers: [a]", "f: layers: ['a'] is not a mapping of keys to values"),
        ("regularizer: {weight: -0.1}", "f: regularizer.weight: -0.1 is not allowed; it must be at least 0"),
        ("regularizer: {weight: .nan}", "f: regularizer.weight: nan is not a finite number"),
        ("recipe: {lr: 0}", "f: recipe.lr: 0 is not allowed; it must be above 0"),
        ("recipe: {learning_rate: 0.1}", "f: recipe.learning_rate: unknown key; "),
        ("recipe: {flip: 1}", "f: recipe.flip: 1 is not true or false"),
    ],
)
def test_mistakes_name_file_path_value_and_what_is_allowed(change: str, message: str) -> None:
    plain = {"version": 1, "backbone": "vgg11", "num_classes": 10, "in_channels": 3} | yaml.safe_load(change)
    with pytest.raises(InputError) as caught:
        parse_config(plain, "f")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    write_config(path, SPEC)
    path.write_text(path.read_text().replace("width: 0.75", "width: 0"))
    with pytest.raises(InputError) as caught:
        read_config(path)
    assert str(caught.value) == f"{path}: width: 0 is not allowed; it must be above 0"


def test_a_list_is_no_config() -> None:
    with pytest.raises(InputError, match=r"f: \[1\] is not allowed; write keys from version, backbone"):
        parse_config([1], "f")


def test_of_a_recipe_only_what_is_named_is_returned() -> None:
    assert recipe_values({"lr": 1, "precision": "bfloat16"}, "f") == {"lr": 1.0, "precision": "bfloat16"}
    with pytest.raises(InputError, match=r"^f: warmup: 1 is not allowed; it must be below 1$"):
        recipe_values({"warmup": 1}, "f")


def test_an_unwritable_place_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not writable"):
        write_config(tmp_path / "none" / "best.yaml", SPEC)


THIN = ModelSpec("vgg11", 10, 1, channels={"features.0": 0.5, "features.4": 0.333333}, image_size=(28, 32))


def test_channels_are_written_with_the_size_of_the_images() -> None:
    text = config_text(TrialSpec(THIN))
    assert "channels: {features.0: 0.5, features.4: 0.333333}\nimage_size: [28, 32]\n" in text
    assert parse_config(parse_yaml(text, "f"), "f").spec.model == THIN


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_size": None}, r"f: image_size: is missing; channels need \[height, width\] of the images"),
        ({"image_size": [28]}, r"f: image_size: \[28\] is not allowed; write \[height, width\], in pixels"),
        ({"image_size": [28, 0]}, r"f: image_size: \[28, 0\] is not allowed"),
        (
            {"channels": {"features.0": 0.0}},
            r'f: channels."features.0": 0.0 is not allowed; .* above 0',
        ),
        ({"channels": {"features.0": 1.01}}, r'f: channels."features.0": 1.01 is not allowed; .* at most 1'),
        ({"channels": {"features.0": "half"}}, r"""f: channels."features.0": 'half' is not a number"""),
        ({"channels": [0.5]}, r"f: channels: \[0.5\] is not"),
    ],
)
def test_channels_that_are_not_allowed_are_named(changed: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(TrialSpec(THIN).to_plain() | changed, "f")


def test_a_config_without_channels_needs_no_image_size() -> None:
    plain = TrialSpec(THIN).to_plain() | {"channels": None}
    assert parse_config(plain, "f").spec.model == ModelSpec("vgg11", 10, 1)

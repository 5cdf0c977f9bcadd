from __future__ import annotations

import pytest
import yaml

from lcsearch.core.errors import InputError
from lcsearch.core.ranges import IntRange
from lcsearch.core.yaml import parse_yaml
from lcsearch.search.space import Space, parse_space

GOOD = """
version: 1
backbone: vgg11
granularity: layer
layers:
  "features.0": {kind: [conv]}
  "*":
    kind: [conv, linear]
    alpha: {low: 0.015625, high: 1.0, log: true}
    coefficients: [full, low_rank, sparse]
    rank_ratio: {low: 0.05, high: 0.5, log: true}
    sparsity: {low: 0.25, high: 0.9}
regularizer: {weight: {low: 1.0e-5, high: 1.0e-1, log: true}, off: true}
train: {lr: 0.1}
"""


def parse(text: str) -> Space:
    return parse_space(parse_yaml(text, "space.yaml"), "space.yaml")


def test_the_published_example_reads_as_it_looks() -> None:
    space = parse(GOOD)
    alpha = space.layers["*"].offered["linear"].alpha
    assert (alpha.low, alpha.high, alpha.log) == (1 / 64, 1.0, True)
    assert space.regularizer.off is True
    assert not space.thins
    assert space.train == {"lr": 0.1}


def test_the_first_pattern_that_matches_wins() -> None:
    space = parse(GOOD)
    assert [space.rule_for(name)[0] for name in ("features.0", "features.00", "x")] == [
        "features.0",
        "*",
        "*",
    ]


def test_plain_data_goes_back_and_forth() -> None:
    space = parse(
        GOOD.replace("{lr: 0.1}", "{lr: {low: 0.01, high: 0.1, log: true}, crop: {low: 1, high: 4}}")
    )
    assert parse_space(space.to_plain(), "again") == space
    assert isinstance(space.train["crop"], IntRange)


def test_a_bare_number_or_word_is_short_for_one() -> None:
    space = parse("{version: 1, backbone: x, layers: {'*': {kind: linear, alpha: 0.5, coefficients: full}}}")
    rule = space.layers["*"]
    linear = rule.offered["linear"]
    assert (rule.kind, linear.alpha.low, linear.alpha.high) == (["linear"], 0.5, 0.5)
    assert linear.coefficients == ["full"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("version", 2, "version: 2 is not 1, the version this lcsearch reads"),
        ("granularity", "layers", "granularity: 'layers' is not allowed; did you mean 'layer'?"),
        ("layer", {}, "layer: unknown key; did you mean 'layers'"),
        ("layers", {}, "layers: is empty; name at least one"),
        ("layers", [1], "layers: [1] is not a mapping of keys to values"),
        ("layers.*.aplha", 0.5, "layers.\"*\".aplha: unknown key; did you mean 'alpha'?"),
        ("layers.*.channels", 0, 'layers."*".channels: 0.0 is not allowed; it must be in (0, 1]'),
        ("layers.*.channels", 1.5, 'layers."*".channels: 1.5 is not allowed; it must be in (0, 1]'),
        ("layers.*.channels", {"low": 0.5}, 'layers."*".channels.high: is missing'),
        ("layers.*.round_to", 0, 'layers."*".round_to: 0 is not allowed; it must be at least 1'),
        ("layers.*.round_to", 1.5, 'layers."*".round_to: 1.5 is not a whole number'),
        ("layers.*.round_to", True, 'layers."*".round_to: True is not a whole number'),
        ("layers.*.alpha.low", 2.0, 'layers."*".alpha.low: 2.0 is above high 1.0; low must be at most high'),
        ("layers.*.alpha.high", 1.5, 'layers."*".alpha.high: 1.5 is not allowed; it must be in (0, 1]'),
        ("layers.*.alpha.low", 0, 'layers."*".alpha.low: 0.0 is not allowed; it must be in (0, 1]'),
        ("layers.*.alpha.low", "a", "layers.\"*\".alpha.low: 'a' is not a number"),
        ("layers.*.alpha.low", True, 'layers."*".alpha.low: True is not a number'),
        ("layers.*.alpha.log", "yes", "layers.\"*\".alpha.log: 'yes' is not true or false"),
        ("layers.*.alpha.low", float("nan"), 'layers."*".alpha.low: nan is not a finite number'),
        ("layers.*.alpha", {"low": 0.5}, 'layers."*".alpha.high: is missing'),
        ("layers.*.alpha", 1.5, 'layers."*".alpha: 1.5 is not allowed; it must be in (0, 1]'),
        ("layers.*.alpha", -0.5, 'layers."*".alpha: -0.5 is not allowed; it must be in (0, 1]'),
        ("layers.*.alpha", "half", "layers.\"*\".alpha: 'half' is not allowed; write a number or {low: "),
        (
            "layers.*.kind",
            ["conv", "linaer"],
            "layers.\"*\".kind[1]: there is no family 'linaer'; did you mean 'linear'?",
        ),
        ("layers.*.kind", [], 'layers."*".kind: is empty; name at least one'),
        ("layers.*.kind", ["conv", "conv"], "layers.\"*\".kind[1]: 'conv' stands there twice"),
        (
            "layers.*.coefficients",
            ["lowrank"],
            "layers.\"*\".coefficients[0]: 'lowrank' is not allowed; did you mean 'low_rank'?",
        ),
        ("layers.*.rank", 4, 'layers."*".rank: rank and rank_ratio exclude each other'),
        (
            "layers.*.rank_ratio.high",
            2.0,
            'layers."*".rank_ratio.high: 2.0 is not allowed; it must be in (0, 1]',
        ),
        ("layers.*.sparsity.high", 1.0, 'layers."*".sparsity.high: 1.0 is not allowed; it must be in [0, 1)'),
        (
            "layers.features.0",
            None,
            'layers."features.0": None is not allowed; write keys from kind, channels, round_to, ',
        ),
        ("min_share", 1.0, "min_share: 1.0 is not allowed; it must be below 1"),
        ("shrink", 0.5, "shrink.high: 0.5 is not allowed; it must be 1"),
        (
            "regularizer.weight.low",
            0,
            "regularizer.weight.low: 0.0 is not allowed with log: true; it must be above 0",
        ),
        ("regularizer.weight", -1, "regularizer.weight: -1.0 is not allowed; it must be 0 or above"),
        ("regularizer.of", True, "regularizer.of: unknown key; did you mean 'off'?"),
        ("train.learning", 1, "train.learning: unknown key; "),
        ("train.lr", 0, "train.lr: 0 is not allowed; it must be above 0"),
        ("train.lr", {"low": 1, "high": 0.5}, "train.lr.low: 1.0 is above high 0.5"),
        (
            "train.momentum",
            {"low": 0.5, "high": 1.5},
            "train.momentum.high: 1.5 is not allowed; it must be below 1",
        ),
        ("train.crop", {"low": 0.5, "high": 2}, "train.crop.low: 0.5 is not a whole number"),
        (
            "train.flip",
            {"low": 0, "high": 1},
            "train.flip: {'low': 0, 'high': 1} is not allowed; flip is no number",
        ),
        ("train.epochs", 3, "train.epochs: 3 is not allowed; epochs is a setting of the run"),
    ],
)
def test_mistakes_name_file_path_value_and_what_is_allowed(path: str, value: object, message: str) -> None:
    plain = parse_yaml(GOOD, "f")
    keys = ["layers", "features.0"] if path == "layers.features.0" else path.split(".")
    place = plain
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(InputError) as caught:
        parse_space(plain, "space.yaml")
    assert str(caught.value).startswith(f"space.yaml: {message}")
    assert "\n" not in str(caught.value)


def test_rank_zero() -> None:
    with pytest.raises(
        InputError, match=r'layers."\*".rank: 0 is not allowed; it must be a whole number of at least 1'
    ):
        parse(GOOD.replace("rank_ratio: {low: 0.05, high: 0.5, log: true}", "rank: 0"))


@pytest.mark.parametrize("key", ["version", "backbone", "layers"])
def test_what_must_be_there(key: str) -> None:
    plain = yaml.safe_load(GOOD.replace("off: true", "'off': true"))
    del plain[key]
    with pytest.raises(InputError, match=f"space.yaml: {key}: is missing"):
        parse_space(plain, "space.yaml")


def test_what_stays_plain_may_lose_as_many_channels_as_before() -> None:
    plain = {"version": 1, "backbone": "x", "layers": {"a*": {"channels": 0.5, "round_to": 4}}}
    layers = parse_space(plain, "f").with_plain(["a1", "b"]).layers
    found = {name: (rule.kind, rule.channels.low, rule.round_to) for name, rule in layers.items()}
    assert found == {"a1": (["conv"], 0.5, 4), "b": (["conv"], 1.0, 1), "a*": (["conv", "linear"], 0.5, 4)}


def test_a_pattern_takes_what_it_fits_letter_by_letter() -> None:
    space = parse(GOOD.replace('"*":', '"features.[1-3]*":'))
    assert [space.rule_for(name) is None for name in ("features.2", "Features.2", "features.4")] == [
        False, True, True,
    ]  # fmt: skip


def test_what_is_left_out_is_not_written() -> None:
    plain = parse("{version: 1, backbone: x, layers: {'*': {}}}").to_plain()
    linear = plain["layers"].pop("*")
    assert plain == {
        "version": 1, "backbone": "x", "granularity": "layer", "layers": {}, "min_share": 0.0,
        "shrink": {"low": 1.0, "high": 1.0, "log": False},
        "regularizer": {"weight": {"low": 0.0, "high": 0.0, "log": False}, "off": False},
        "train": {},
    }  # fmt: skip
    assert linear.keys() == {"kind", "channels", "round_to", "alpha", "coefficients", "sparsity"}


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("{lr: {low: 0.01, high: 0.1, lag: 1}}", "train.lr.lag: unknown key; did you mean 'log'?"),
        ("{lr: {low: -1, high: 0.1}}", "train.lr.low: -1.0 is not allowed; it must be above 0"),
        ("{momentum: {low: 0.1, high: 1}}", "train.momentum.high: 1.0 is not allowed; it must be below 1"),
        ("{crop: {low: 1, high: 2.5}}", "train.crop.high: 2.5 is not a whole number"),
        ("{batch_size: {low: 0, high: 4}}", "train.batch_size.low: 0 is not allowed; it must be at least 1"),
        ("{precision: {low: 0, high: 4}}",
         "train.precision: {'low': 0, 'high': 4} is not allowed; precision is no number, so it cannot be "
         "searched"),
        ("{init: scratch}", "train.init: 'scratch' is not allowed; init is a setting of the run"),
        ("{distill: 0.5}", "train.distill: 0.5 is not allowed; distill is a setting of the run"),
        ("{epoch: 3}", "train.epoch: unknown key; choose from augment, average, batch_size, clip, "),
        ("{__pydantic_config__: 3}", "train.__pydantic_config__: unknown key; choose from augment, "),
        ("{momentun: 0.5}", "train.momentun: unknown key; did you mean 'momentum' or 'augment'?"),
    ],
)  # fmt: skip
def test_mistakes_about_the_recipe(train: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(GOOD.replace("{lr: 0.1}", train))
    assert str(caught.value).startswith(f"space.yaml: {message}")
    assert "epochs" not in str(caught.value), "a setting of the run is no advice"


def test_ranges_of_the_recipe_are_of_its_fields_kind() -> None:
    train = parse(GOOD.replace("{lr: 0.1}", "{lr: {low: 1, high: 2}, crop: {low: 1, high: 2}, flip: true}"))
    lr, crop = train.train["lr"], train.train["crop"]
    assert (type(lr.low), type(crop.low), train.train["flip"]) == (float, int, True)
    assert isinstance(crop, IntRange) and not isinstance(lr, IntRange)
    plain = parse_yaml(GOOD, "f") | {"train": {"lr": lr, "crop": crop}}
    assert parse_space(plain, "f").train == {"lr": lr, "crop": crop}

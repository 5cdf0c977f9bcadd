"""``lcsearch profile``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from profile_runs import as_json, invoke

from lcsearch.cli.main import call
from lcsearch.core.errors import InputError

pytestmark = pytest.mark.slow


def test_json_has_the_keys_that_other_programs_rely_on() -> None:
    got = as_json("--backbone", "base", "--alpha", "0.5", "--all-layers")
    sizes = ["params", "macs", "baseline_params", "baseline_macs"]
    assert list(got) == ["backbone", *sizes, "layers", "left_plain", "tied", "trainable"]
    assert got["trainable"] == got["params"]
    assert got["left_plain"] == [] and got["tied"] == {}
    assert (got["backbone"], got["params"], got["baseline_params"]) == ("base", 227_418, 399_626)
    assert got["baseline_macs"] == 1024 * 864 + 256 * 18_432 + 64 * 73_728 + 16 * 294_912 + 10_240
    assert got["layers"][1] == {
        "name": "features.4",
        "family": "linear",
        "alpha": 0.5,
        "rank": None,
        "sparsity": None,
        "params": 32 * 288 + 32 * 32 + 64,
        "macs": 256 * (32 * 288 + 64 * 32),
        "outputs": 64,
    }
    assert [layer["family"] for layer in got["layers"]] == ["linear"] * 4 + ["dense"]


def test_without_all_layers_what_saves_nothing_stays_plain() -> None:
    every = as_json("--backbone", "mobilenetv2", "--alpha", "0.5", "--all-layers")
    useful = as_json("--backbone", "mobilenetv2", "--alpha", "0.5")
    assert useful["params"] < useful["baseline_params"] < every["params"]
    families = {layer["name"]: layer["family"] for layer in useful["layers"]}
    assert families["blocks.5.depthwise.0"] == "conv"


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        (["--rank", "10"], 16 * 27 + 10 * 32 + 32),
        (["--rank-ratio", "0.25"], 16 * 27 + 4 * 32 + 32),
        (["--sparsity", "0.75"], 16 * 27 + 64 + 32),
        ([], 16 * 27 + 256 + 32),
    ],
)
def test_coefficients_are_as_asked(arguments: list[str], params: int) -> None:
    layers = as_json("--backbone", "base", "--alpha", "0.5", "--all-layers", *arguments)["layers"]
    assert layers[0]["params"] == params


def test_a_rank_that_costs_as_much_as_the_full_matrix_is_warned_of_and_obeyed() -> None:
    result = invoke("--backbone", "base", "--alpha", "0.5", "--rank", "10", "--all-layers", "--json")
    assert "warning" in result.stderr
    assert "features.0 (rank 10)" in result.stderr
    assert "features.4" not in result.stderr
    assert json.loads(result.stdout)["layers"][0]["rank"] == 10
    assert not invoke("--backbone", "base", "--alpha", "0.5", "--rank", "4").stderr


def test_what_the_net_uses_only_as_it_is_is_left_plain_and_listed() -> None:
    arguments = ("--backbone", "odd_nets:exact", "--alpha", "0.25", "--image-size", "8")
    got = as_json(*arguments)
    assert [(one["name"], one["params"]) for one in got["left_plain"]] == [("fourth", 16 * 16 * 9)]
    assert {row["name"]: row["family"] for row in got["layers"]}["fourth"] == "conv"
    assert "left plain: fourth (the net does not call it once it is replaced" in invoke(*arguments).stdout


def test_what_shares_a_weight_is_listed() -> None:
    arguments = ("--backbone", "odd_nets:tied", "--alpha", "0.25", "--image-size", "8")
    assert as_json(*arguments)["tied"] == {"third": ["fourth"]}
    assert "one choice for convolutions that share a weight: third + fourth" in invoke(*arguments).stdout


def test_what_stays_plain_is_listed_with_its_reason() -> None:
    arguments = ("--backbone", "odd_nets:half_normalised", "--alpha", "0.25", "--image-size", "8")
    assert as_json(*arguments)["left_plain"] == [
        {"name": "second", "params": 16 * 8 * 9, "why": "CentredConv2d has a forward of its own"},
        {"name": "fourth", "params": 16 * 16 * 9, "why": "CentredConv2d has a forward of its own"},
    ]
    params = [8 * 27 + 8, 16 * 8 * 9, 16 * 16 * 9 + 16, 16 * 16 * 9, 16 * 10 + 10]
    share = 100 * (params[1] + params[3]) / sum(params)
    why = "second, fourth (CentredConv2d has a forward of its own)"
    assert invoke(*arguments).stdout.splitlines()[-1] == (
        f"2 of 4 convolutions left plain ({share:.0f} % of the parameters): {why}"
    )


@pytest.mark.parametrize("backbone", ["vgg11", "odd_nets:nested"])
def test_the_table_fits_80_columns_and_cuts_nothing_off(backbone: str) -> None:
    lines = invoke("--backbone", backbone, "--alpha", "0.25", "--rank-ratio", "0.25").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert any("9,231,114" in line for line in lines) or backbone != "vgg11"


def test_classes_channels_size_and_width_are_the_users() -> None:
    got = as_json(
        *("--backbone", "base", "--alpha", "1", "--num-classes", "7"),
        *("--in-channels", "1", "--image-size", "16", "--width", "0.5"),
    )
    assert got["params"] == got["baseline_params"]
    assert got["layers"][0]["params"] == 16 * 9 + 16
    assert got["layers"][0]["macs"] == 256 * 16 * 9
    assert got["layers"][-1]["params"] == 128 * 4 * 7 + 7


def test_a_share_of_all_channels_is_counted_without_other_layers() -> None:
    got = as_json("--backbone", "base", "--channels", "0.5")
    convs = [16 * 27 + 16, 32 * 16 * 9 + 32, 64 * 32 * 9 + 64, 128 * 64 * 9 + 128]
    norms = 2 * (16 + 32 + 64 + 128)
    assert got["params"] == sum(convs) + norms + 128 * 4 * 10 + 10
    assert [layer["outputs"] for layer in got["layers"]] == [16, 32, 64, 128, 10]
    assert got["whole"] == []


def test_layers_are_of_the_thinned_net() -> None:
    got = as_json("--backbone", "vgg11", "--channels", "0.25", "--alpha", "0.5")
    assert got["layers"][1] == {
        "name": "features.4",
        "family": "linear",
        "alpha": 0.5,
        "rank": None,
        "sparsity": None,
        "params": 16 * 16 * 9 + 16 * 16 + 32,
        "macs": 16 * 16 * (16 * 16 * 9 + 32 * 16),
        "outputs": 32,
    }
    assert got["baseline_params"] == 9_231_114


def test_what_keeps_its_channels_is_listed_with_its_reason() -> None:
    arguments = ("--backbone", "odd_nets:tied", "--channels", "0.5", "--image-size", "8")
    got = as_json(*arguments)
    shared = {"second": "third", "third": "third", "fourth": "fourth"}
    assert got["whole"] == [
        {"name": name, "why": f"'{own}.weight' is shared"} for name, own in shared.items()
    ]
    assert [layer["outputs"] for layer in got["layers"]] == [4, 16, 16, 16, 10]
    lines = " ".join(invoke(*arguments).stdout.split())
    assert "channels that stay: second, third ('third.weight' is shared); fourth" in lines
    assert "first 4 of 8" in lines and "fourth 16 conv" in lines


def test_a_config_file_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    path.write_text(
        "version: 1\nbackbone: base\nnum_classes: 10\nin_channels: 3\n"
        "layers: {features.12: {family: linear, alpha: 0.5}}\n"
    )
    got = as_json("--config", str(path))
    assert [layer["family"] for layer in got["layers"]] == ["conv"] * 3 + ["linear", "dense"]
    with pytest.raises(InputError, match="leave alpha out"):
        invoke("--config", str(path), "--alpha", "0.5")
    with pytest.raises(InputError, match="leave channels out"):
        invoke("--config", str(path), "--channels", "0.5")
    path.write_text(path.read_text() + "channels: {features.8: 0.25}\nimage_size: [32, 32]\n")
    thinner = as_json("--config", str(path))
    assert [layer["outputs"] for layer in thinner["layers"]] == [32, 64, 32, 256, 10]
    assert thinner["baseline_params"] == got["baseline_params"] > got["params"] > thinner["params"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--alpha 0", "--alpha: 0 is not above 0 and at most 1"),
        ("--alpha 1.01", "--alpha: 1.01"),
        ("--alpha nan", "--alpha: nan"),
        ("--alpha 0.5 --rank 0", "--rank: 0 is not at least 1"),
        ("--alpha 0.5 --rank-ratio 0", "--rank-ratio: 0"),
        ("--alpha 0.5 --rank-ratio 1.5", "--rank-ratio: 1.5"),
        ("--alpha 0.5 --sparsity 1", "--sparsity: 1 is not at least 0 and below 1"),
        ("--alpha 0.5 --sparsity -0.1", "--sparsity: -0.1"),
        ("--alpha 0.5 --rank 2 --sparsity 0.5", "--rank and --sparsity"),
        ("--alpha 0.5 --image-size 0", "--image-size: 0"),
        ("--alpha 0.5 --num-classes 0", "--num-classes: 0"),
        ("--alpha 0.5 --width -1", "--width: -1"),
        ("--channels 0", "--channels: 0 is not above 0 and at most 1"),
        ("--channels 1.5", "--channels: 1.5"),
        ("--channels nan", "--channels: nan"),
        ("--channels 0.5 --rank 3", "--alpha: is missing"),
        ("", "--alpha: is missing"),
    ],
)
def test_wrong_input_is_named(arguments: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["profile", "--backbone", "vgg11", *arguments.split()]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"lcsearch: error: {message}") and len(said.splitlines()) == 1


def test_an_unknown_backbone_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'vgg11'"):
        invoke("--backbone", "vgg", "--alpha", "0.5")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "channels: {features.5: 0.5}\nimage_size: [32, 32]\n",
            "no group of channels 'features.5'; did you mean",
        ),
        ("channels: {features.4: 0.5}\n", "image_size: is missing; channels need [height, width]"),
        ("channels: {features.4: 0}\nimage_size: [32, 32]\n", 'channels."features.4": 0 is not allowed'),
        (
            "channels: {features.4: 0.5}\nimage_size: 32\n",
            "image_size: 32 is not allowed; write [height, width]",
        ),
    ],
)
def test_a_config_whose_channels_do_not_fit_is_one_line(
    written: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "best.yaml"
    path.write_text(f"version: 1\nbackbone: base\nnum_classes: 10\nin_channels: 3\nlayers: {{}}\n{written}")
    assert call(["profile", "--config", str(path)]) == 2
    said = capfd.readouterr().err
    assert said.startswith("lcsearch: error: ") and message in said and len(said.splitlines()) == 1

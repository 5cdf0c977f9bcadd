"""``lcsearch profile --family basis``, and basis layers in config files that do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from profile_runs import as_json, invoke
from safetensors.torch import save_file

from lcsearch.core.config import read_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.nets import surgery

BASE = ("--backbone", "base", "--family", "basis")
BANK, MIXING, BIAS = 16 * 32 * 9, 16 * 64, 64


@pytest.mark.parametrize(
    ("more", "stored", "trainable"),
    [
        ([], BANK + MIXING, MIXING),
        (["--bank-seed", "3"], MIXING, MIXING),
        (["--train-basis"], BANK + MIXING + 2 * 16, BANK + MIXING + 2 * 16),
    ],
)
def test_what_is_stored_and_what_trains(more: list[str], stored: int, trainable: int) -> None:
    got = as_json(*BASE, "--filters", "16", *more)
    row = {row["name"]: row for row in got["layers"]}["features.4"]
    assert row["params"] == stored + BIAS and row.get("trainable", row["params"]) == trainable + BIAS
    assert row["macs"] == 256 * (BANK + MIXING)
    frozen = sum(one["params"] - one.get("trainable", one["params"]) for one in got["layers"])
    assert got["trainable"] == got["params"] - frozen
    lines = invoke(*BASE, "--filters", "16", *more).stdout.splitlines()
    assert any("basis" in line and "16 filters" in line for line in lines)
    assert any(line.startswith("of these trainable: ") for line in lines) == (stored != trainable)


def test_more_filters_than_a_bank_can_have_become_its_most() -> None:
    row = as_json(*BASE, "--filters", "400", "--bank-seed", "0")["layers"][1]
    assert (row["filters"], row["bank_seed"]) == (64, 0)


def test_an_energy_gives_each_layer_the_filters_that_keep_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = surgery.build_model(ModelSpec("base", 10, 3)).state_dict()
    left, right = torch.randn(64, 5), torch.randn(5, 32 * 9)
    state["features.4.weight"] = (left @ right).view(64, 32, 3, 3)
    save_file(state, tmp_path / "w.safetensors")
    rows = as_json(*BASE, "--energy", "0.5", "--init", str(tmp_path / "w.safetensors"))["layers"]
    filters = {row["name"]: row["filters"] for row in rows if row["family"] == "basis"}
    for name, count in filters.items():
        squares = np.linalg.svd(state[f"{name}.weight"].flatten(1).numpy(), compute_uv=False) ** 2
        kept = np.cumsum(squares) / squares.sum()
        assert kept[count - 1] >= 0.5 > (kept[count - 2] if count > 1 else 0.0)
    assert filters["features.4"] <= 3 < filters["features.8"]


def test_layers_that_save_nothing_with_their_most_filters_are_said() -> None:
    said = invoke(*BASE, "--filters", "64").stdout
    assert "left plain: features.0 (it can have at most 27 filters, with which it saves nothing)" in said
    assert "features.8 (" not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "filters: is missing"),
        (["--filters", "0"], "filters: 0 is not at least 1"),
        (["--energy", "0"], "energy: 0 is not above 0 and at most 1"),
        (["--energy", "1.5"], "energy: 1.5 is not above 0 and at most 1"),
        (["--energy", "0.9"], "energy: means trained weights; give init='FILE' too"),
        (["--energy", "0.9", "--init", "none.pt"], "init='none.pt': no such file"),
        (["--energy", "0.9", "--filters", "3"], "energy and filters: exclude each other"),
        (["--filters", "3", "--init", "x.pt"], "init='x.pt': means nothing here"),
        (["--filters", "3", "--train-basis", "--bank-seed", "1"], "exclude each other; give one of them"),
        (["--filters", "3", "--rank", "1"], "rank: means nothing with"),
    ],
)
def test_bad_options_are_named(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        invoke(*BASE, *arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"filters": 33}, "layers.features.0: filters=33 must be in 1..27 for 32 output channels and"),
        ({"filters": 0}, 'layers."features.0".filters: 0 is not allowed; it must be at least 1'),
        ({"filters": 3, "energy": 0.5}, 'layers."features.0".energy: unknown key'),
        ({"filters": 3, "train_basis": True, "bank_seed": 1}, "a bank that trains has no bank_seed"),
    ],
)
def test_configs_that_do_not_fit_are_refused(layer: dict[str, object], message: str, tmp_path: Path) -> None:
    plain = {"version": 1, "backbone": "base", "num_classes": 10, "in_channels": 3}
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(plain | {"layers": {"features.0": {"family": "basis", **layer}}}))
    with pytest.raises(InputError) as caught:
        invoke("--config", str(path))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_config_is_read_and_built(tmp_path: Path) -> None:
    plain = {"version": 1, "backbone": "base", "num_classes": 10, "in_channels": 3}
    path = tmp_path / "config.yaml"
    layers = {"features.4": {"family": "basis", "filters": 16, "bank_seed": 3}}
    path.write_text(json.dumps(plain | {"layers": layers}))
    assert read_config(path).spec.model.layers["features.4"].to_plain() == {
        "family": "basis", "filters": 16, "train_basis": False, "bank_seed": 3,
    }  # fmt: skip
    assert as_json("--config", str(path))["layers"][1]["params"] == MIXING + BIAS

"""``lcsearch profile --family shared``, and layers in config files that cannot share."""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_runs import as_json, invoke

from lcsearch.core.config import read_config
from lcsearch.core.errors import InputError

pytestmark = pytest.mark.slow

RESNET = ("--backbone", "resnet32", "--family", "shared", "--share-by", "stage")
NUMBERS = ("--shared", "8", "--unique", "1")


def test_the_published_net_is_counted_layer_by_layer() -> None:
    got = as_json(*RESNET, *NUMBERS)
    assert (got["params"], got["baseline_params"]) == (150_666, 464_154)
    rows = {row["name"]: row for row in got["layers"]}
    own = {0: 144 + 9 * 18, 1: 2 * 288 + 18 * 34, 2: 4 * 576 + 36 * 66}
    for stage in range(3):
        bank = (8 << stage) * (16 << stage) * 9
        assert rows[f"stages.{stage}.1.first.0"]["params"] == own[stage] + bank
        for name in ("1.second", "4.first", "4.second"):
            row = rows[f"stages.{stage}.{name}.0"]
            assert (row["params"], row["family"]) == (own[stage], "shared")
            assert (row["shared"], row["unique"]) == (8 << stage, 1 << stage)
            assert row["macs"] == (1024 >> 2 * stage) * (9 << stage) * ((16 << stage) * 10)
        assert rows[f"stages.{stage}.0.second.0"]["family"] == "conv"


def test_positions_have_banks_of_their_own_and_no_unique_filters_are_needed() -> None:
    got = as_json(*RESNET[:-1], "position", "--shared", "8", "--unique", "0")
    rows = {row["name"]: row["params"] for row in got["layers"]}
    for position in ("first", "second"):
        assert [rows[f"stages.1.{block}.{position}.0"] for block in (1, 2)] == [16 * (288 + 34), 16 * 34]


def test_who_does_not_share_is_said_with_why() -> None:
    lines = invoke("--backbone", "vgg11", "--width", "0.125", *RESNET[2:], *NUMBERS).stdout.splitlines()
    assert any(line.startswith("left plain: features.0, ") and "first block of its" in line for line in lines)
    assert "left plain: features.11 (no other layer of its stage has its shape)" in lines
    assert sum("8 + 1 filters" in line for line in lines) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (RESNET[:-2] + NUMBERS, "share_by: is missing"),
        (RESNET + NUMBERS[:2], "unique: is missing"),
        ((*RESNET, "--shared", "0", "--unique", "1"), "shared: 0 is not at least 1"),
        ((*RESNET, "--shared", "8", "--unique", "-1"), "unique: -1 is not at least 0"),
        ((*RESNET, *NUMBERS, "--alpha", "0.5"), "alpha: means nothing with family='shared'"),
        (
            ("--backbone", "base", "--alpha", "0.5", "--shared", "8"),
            "shared: means nothing with family='linear'",
        ),
    ],
)
def test_wrong_options_are_named(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        invoke(*arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_who_shares_is_one_of_two() -> None:
    result = invoke("--backbone", "resnet32", "--family", "shared", "--share-by", "net", *NUMBERS)
    assert result.exit_code == 2 and "'stage', 'position'" in result.stderr


CONFIG = """version: 1
backbone: resnet32
num_classes: 10
in_channels: 3
layers:
  stages.0.1.first.0: {family: shared, bank: x, shared: 8, unique: 1}
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "stages.1.1.first.0: {family: shared, bank: x, shared: 8}",
            "cannot share filters with 'stages.0.1.first.0': its input channels are 32, not 16",
        ),
        (
            "stages.0.2.first.0: {family: shared, bank: x, shared: 9}",
            "'stages.0.2.first.0' cannot share bank 'x' with 'stages.0.1.first.0': its shared=9 must be 8",
        ),
        ("stages.0.2.first.0: {family: shared, bank: y, shared: 145}", "shared=145 must be in 1..144"),
        ("stages.0.2.first.0: {family: shared, bank: y}", 'layers."stages.0.2.first.0".shared: is missing'),
    ],
)
def test_layers_of_a_file_that_cannot_share_say_why(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{CONFIG}  {line}\n")
    with pytest.raises(InputError) as caught:
        invoke("--config", str(path))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_config_is_read_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{CONFIG}  stages.0.2.first.0: {{family: shared, bank: x, shared: 8}}\n")
    assert read_config(path).spec.model.layers["stages.0.2.first.0"].to_plain()["unique"] == 0
    plain = 464_154 - 2 * 16 * 144
    assert as_json("--config", str(path))["params"] == plain + 8 * 144 + 144 + 9 * 18 + 8 * 18

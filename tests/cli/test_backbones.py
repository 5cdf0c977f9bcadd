"""``lcsearch backbones``."""

from __future__ import annotations

import json

from click.testing import CliRunner

from lcsearch.cli.backbones import backbones


def test_lists_ours_with_parameters_and_says_how_others_are_named() -> None:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(backbones)
    assert result.exit_code == 0
    for text in ("vgg11", "9,231,114", "torchvision:NAME", "package.module:function"):
        assert text in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_json_is_one_object() -> None:
    result = CliRunner().invoke(backbones, ["--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)["backbones"]}
    assert len(rows) == 10
    assert rows["resnet18"]["params"] == 11_173_962
    assert "ResNet-18" in rows["resnet18"]["description"]

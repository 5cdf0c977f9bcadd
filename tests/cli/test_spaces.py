from __future__ import annotations

import json
from pathlib import Path

import pytest

from lcsearch.cli.main import call
from lcsearch.search.space import load_space, space_names

pytestmark = pytest.mark.slow


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["spaces"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(space_names())]] == space_names()


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["spaces", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["spaces"]
    assert [entry["name"] for entry in found] == space_names()
    assert all(Path(entry["path"]).is_file() for entry in found)


def test_writing_one_to_edit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    assert call(["spaces", "--backbone", "torchvision:resnet18", "--write", str(path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(path) in captured.err
    layers = load_space(str(path), "torchvision:resnet18").layers
    assert layers["layer4.1.conv2"].kind == ["conv", "linear", "separable"]
    assert layers["layer4.0.downsample.0"].kind == ["conv", "linear"], "a kernel of 1x1 cannot be separable"
    before = path.read_text()
    assert call(["spaces", "--backbone", "vgg11", "--write", str(path)]) == 2
    assert (
        capsys.readouterr().err == f"lcsearch: error: --write: {path} already exists; choose another name\n"
    )
    assert path.read_text() == before


def test_showing_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["spaces", "--backbone", "vgg11"]) == 0
    assert "backbone: vgg11" in capsys.readouterr().out
    assert call(["spaces", "--backbone", "vgg11", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["backbone"] == "vgg11"
    assert found["space"]["granularity"] == "layer"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backbone", "vgg12"], "did you mean 'vgg11'"),
        (["--write", "x.yaml"], "--write: needs --backbone NAME"),
        (["--backbone", "vgg11", "--write", "none/x.yaml"], "--write: none/x.yaml: not writable"),
    ],
)
def test_mistakes(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(["spaces", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1

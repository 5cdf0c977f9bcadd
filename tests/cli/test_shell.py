"""The command as a shell sees it: as a module, its versions, and what it offers at TAB."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete, get_completion_class
from plugin_files import installed

from lcsearch import __version__
from lcsearch.cli.main import call, cli


def offered(*words: str) -> list[str]:
    """What is offered for the last word."""
    shell = ShellComplete(cli, {}, "lcsearch", "_LCSEARCH_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


def test_versions_are_those_of_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--version"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"lcsearch {__version__} (python {sys.version.split()[0]}, ")
    for name in ("torch", "torchvision", "optuna", "ray", "plotly"):
        assert f"{name} {version(name)}" in said


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["re"], ["resume", "report", "retrain"]),
        (["run", "--backbone", "vgg"], ["vgg11"]),
        (["run", "--backbone", "torchv"], ["torchvision:"]),
        (["run", "--backbone", "tim"], ["timm:"]),
        (["run", "--dataset", "dig"], ["digits"]),
        (["run", "--dataset", "hf"], ["hf:"]),
        (["run", "--backbone", "torchvision:resnet1"], [f"torchvision:resnet{n}" for n in (101, 152, 18)]),
        (["run", "--dataset", "torchvision:KM"], ["torchvision:KMNIST"]),
        (["run", "--dataset", "folder:/nowhere/at/all"], []),
        (["run", "--dataset", "digits:"], []),
        (["run", "--sampler", "tp"], ["tpe"]),
        (["run", "--track", "ml"], ["mlflow:"]),
        (["run", "--metric", "mac"], ["macro-f1"]),
        (["export", "x", "--format", "on"], ["onnx"]),
        (["report", "x", "--format", "p"], ["png"]),
        (["nonsense", "--x", "y"], []),
        (["run", "--trials", "none", "--sampler", "tp"], ["tpe"]),
    ],
)
def test_names_are_offered(words: list[str], wanted: list[str]) -> None:
    assert offered(*words) == wanted


def test_names_of_other_packages_are_offered(tmp_path: Path) -> None:
    entries = {"lcsearch.backbones": {"their-net": "their_nets:make"}}
    with installed(tmp_path, "theirs", "1", entries, {"their_nets": "raise RuntimeError"}):
        assert offered("run", "--backbone", "their") == ["their-net"]


def test_run_directories_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/vgg", "runs/base", "mine/deep", "here"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "run.yaml").write_text("")
    Path("runs/other").mkdir()
    assert offered("status", "") == ["here", "runs/base", "runs/vgg"]
    assert offered("resume", "runs/v") == ["runs/vgg"]
    assert offered("compare", "here", "ru") == ["runs/base", "runs/vgg"]
    assert offered("export", "mine/") == ["mine/deep"]
    assert offered("view", "mi") == ["mi"]  # the shell goes on with folders


def test_the_module_completes_in_a_shell_without_torch(tmp_path: Path) -> None:
    """As bash asks it; what is imported is said at the end."""
    code = (
        "import atexit, sys; sys.argv[0] = 'lcsearch'\n"
        "atexit.register(lambda: print([m for m in ('torch', 'optuna', 'ray') if m in sys.modules]))\n"
        "import runpy; runpy.run_module('lcsearch', run_name='__main__')"
    )
    asked = {
        "_LCSEARCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "lcsearch run --backbone vgg",
    }
    environment = os.environ | asked
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["plain,vgg11", "[]"], done.stderr


def test_a_word_is_over_where_a_space_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from lcsearch.cli.shells import add_shells

    add_shells()
    bash = get_completion_class("bash")
    assert bash is not None
    asked = bash(cli, {}, "lcsearch", "_LCSEARCH_COMPLETE")
    for line, words in (
        ("lcsearch run --backbone ", (["run", "--backbone"], "")),
        ("lcsearch run --backbone torchvision:re", (["run", "--backbone"], "torchvision:re")),
        ("lcsearch 'a b", ([], "a b")),
    ):
        monkeypatch.setenv("COMP_WORDS", line)
        assert asked.get_completion_args() == words

"""``lcsearch run --init`` as a user types it: real training on scikit-learn's digits.

What is searched here trains in this process, which spares every run the start of another interpreter.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from inline_engine import installed_inline
from safetensors.torch import load_file, save_file

import lcsearch
from lcsearch.nets.backbones import build
from lcsearch.runs.choose import front_of
from lcsearch.runs.read import read_run

NET = "tiny_net:tiny"
SMALL = [
    "--backbone", NET, "--dataset", "digits", "--train-images", "192", "--validation-images", "96",
    "--image-size", "16", "--epochs", "2", "--jobs", "1", "--engine", "inline", "--seed", "3",
]  # fmt: skip
TAUGHT = [
    "--init", "trained", "--distill", "0.5", "--trials", "9", "--scratch-below", "0",
    "--fine-tune-epochs", "1",
]  # fmt: skip


def call(*arguments: str) -> int:
    from lcsearch.cli.main import call

    return call(list(arguments))


@pytest.fixture(scope="module", autouse=True)
def in_this_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed_inline(tmp_path_factory.mktemp("installed")):
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "whole"
    assert call("run", *SMALL, *TAUGHT, "--out", str(path)) == 0
    return path


@pytest.mark.slow
def test_models_are_cut_out_of_what_trial_0_trained(finished: Path) -> None:
    run = read_run(finished)
    kept, trained = finished / "start/backbone.safetensors", finished / "trials/0/weights.safetensors"
    assert kept.read_bytes() == trained.read_bytes()
    assert [t.origin for t in run.trials] == ["baseline", *["sensitivity"] * 8]
    assert [len(t.epochs) for t in run.trials] == [2, *[1] * 8]
    assert [t.parent for t in run.trials[:3]] == [None, None, 1]
    cut = [t for t in run.trials if t.spec.recipe.init == "backbone"]
    assert all(0 <= t.metrics["accuracy_before"] <= 100 and t.spec.recipe.distill == 0.5 for t in cut)
    assert (finished / "start/teacher.safetensors").is_file()


@pytest.mark.slow
def test_it_is_shown(finished: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = read_run(finished)
    assert call("status", str(finished)) == 0
    said = capfd.readouterr().out
    assert "before" in said and "init trained: models are cut out of the backbone that trial 0 trains" in said
    assert call("status", str(finished), "--json") == 0
    plain = json.loads(capfd.readouterr().out)
    cut = [m for m in plain["front"] if m["spec"]["recipe"]["init"] == "backbone"]
    assert plain["init"] == "trained"
    assert all("accuracy_before" in member for member in cut)
    assert all(member.get("parent") == run.trials[member["trial"]].parent for member in plain["front"])
    assert plain["epochs_trained"] == 2 + 8
    page = (finished / "report.html").read_text()
    assert "epochs: 2 for the backbone, 8 for fine-tuning" in page
    assert "cut out of the next larger one on the front" in page
    assert "% before fine-tuning" in page
    out = finished.parent / "compare.html"
    assert call("compare", str(finished), str(finished), "-o", str(out)) == 0
    assert "trained" in out.read_text()


@pytest.mark.slow
def test_what_was_found_leaves_the_run(finished: Path, tmp_path: Path) -> None:
    number = str(next(t.number for t in front_of(read_run(finished).trials) if t.origin == "sensitivity"))
    for kind, suffix in (("yaml", "yaml"), ("weights", "safetensors")):
        out = tmp_path / f"out.{suffix}"
        assert call("export", str(finished), "--trial", number, "--format", kind, "-o", str(out)) == 0
        model = lcsearch.load_model(out)
        assert model(torch.zeros(2, 1, 16, 16)).shape == (2, 10)
    best = yaml.safe_load((tmp_path / "out.yaml").read_text())
    assert best["recipe"]["init"] == "backbone"
    lcsearch.convert(build(NET, num_classes=10, in_channels=1), tmp_path / "out.yaml")
    again = tmp_path / "again"
    asked = ["--init", "trained", "--epochs", "1", "--fine-tune-epochs", "2", "--trials", "8"]
    assert call("run", *SMALL, *asked, "--from", str(tmp_path / "out.yaml"), "--out", str(again)) == 0
    given = [t for t in read_run(again).trials if t.origin == "given"]
    assert given[0].spec.recipe.epochs == 2 and given[0].spec.recipe.distill == 0.5


@pytest.mark.slow
def test_weights_of_ones_own(finished: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The weights of trial 0, as a checkpoint: as given they reach what trial 0 reached."""
    mine = tmp_path / "mine.pt"
    state = load_file(finished / "start/backbone.safetensors")
    torch.save({"best": {f"net.{name}": value for name, value in state.items()}, "epoch": 2}, mine)
    out = tmp_path / "run"
    assert (
        call("run", *SMALL, "--init", str(mine), "--scratch-below", "0", "--trials", "5", "--out", str(out))
        == 0
    )
    taken = "mine.pt: taken: best, names that begin with 'net.'"
    assert taken in " ".join(capfd.readouterr().err.split())
    assert taken in html.unescape((out / "report.html").read_text())
    mine.unlink()
    assert call("resume", str(out), "--trials", "6") == 0
    trials = read_run(out).trials
    assert trials[0].metrics["accuracy_before"] == read_run(finished).trials[0].accuracy
    assert [t.spec.recipe.init for t in trials] == ["backbone"] * 6
    assert trials[1].parent == 0
    capfd.readouterr()
    assert call("status", str(out)) == 0
    said = capfd.readouterr().out
    assert "init mine.pt" in said and "% as given" in said and "is not counted" in said


def other_weights(path: Path) -> None:
    save_file(dict(build(NET, num_classes=7, in_channels=1).state_dict()), path)


WRONG = [
    (["--init", "traind"], ["--init", "'traind'", "'trained'"]),
    (["--init", "nowhere/mine.pt"], ["--init", "nowhere/mine.pt"]),
    (["--init", "."], ["--init", "folder"]),
    (["--init", "pretrained"], ["--init pretrained", NET]),
    (["--init", "trained", "--distill", "1.5"], ["--distill", "1.5"]),
    (["--init", "trained", "--distill", "-0.1"], ["--distill", "-0.1"]),
    (["--init", "trained", "--distill", "nan"], ["--distill", "nan"]),
    (["--init", "trained", "--fine-tune-lr", "0"], ["--fine-tune-lr", "0"]),
    (["--init", "trained", "--fine-tune-epochs", "0"], ["--fine-tune-epochs", "0"]),
    (["--init", "trained", "--new-head"], ["--new-head", "--init pretrained"]),
    (["--search-width"], ["--search-width: is gone", "channels: {low: 0.25, high: 1.0, log: true}"]),
    (["--init", "trained", "--recipe", "RECIPE"], ["distill", "--distill"]),
    (["--init", "scratch", "--distill", "0.5"], ["--distill", "--init scratch"]),
    (["--init", "scratch", "--fine-tune-epochs", "2"], ["--fine-tune-epochs", "--init scratch"]),
    (["--init", "scratch", "--fine-tune-lr", "0.1"], ["--fine-tune-lr", "--init scratch"]),
    (["--init", "scratch", "--new-head"], ["--new-head", "--init scratch"]),
    (["--init", "scratch", "--no-inherit"], ["--no-inherit", "--init scratch"]),
    (["--init", "scratch", "--inherit"], ["--inherit", "--init scratch"]),
    (["--trials", "8", "--finish", "0.5"], ["--finish 0.5: of 8 trials that leaves 4, where ", "--trials"]),
    (
        ["--trials", "8", "--finish", "0.01"],
        ["--finish 0.01: of 8 trials that is none"],
    ),
    (["--finish", "1"], ["--finish: 1.0 is not allowed; it must be below 1"]),
    (["--init", "OTHER"], ["other.safetensors", "7", "10", "--new-head"]),
    (["--init", "BROKEN"], ["broken.pt"]),
    (["--init", "WHOLE"], ["whole.pt", "could run code", "torch.nn.modules.linear.Linear", "state_dict()"]),
]


@pytest.mark.parametrize(("wrong", "expected"), WRONG, ids=[" ".join(w) for w, _ in WRONG])
def test_bad_input_is_one_clear_line_and_makes_nothing(
    wrong: list[str], expected: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / name.lower() for name in ("RECIPE",)}
    files |= {"OTHER": tmp_path / "other.safetensors", "BROKEN": tmp_path / "broken.pt"}
    files["RECIPE"].write_text("distill: 0.5\n")
    files["BROKEN"].write_bytes(b"not weights")
    other_weights(files["OTHER"])
    files["WHOLE"] = tmp_path / "whole.pt"
    torch.save(torch.nn.Linear(2, 2), files["WHOLE"])
    out = tmp_path / "run"
    given = [str(files.get(word, word)) for word in wrong]
    assert call("run", *SMALL, "--out", str(out), *given) == 2
    said = capfd.readouterr().err
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith("lcsearch: error: ") and all(part in said for part in expected), said
    assert not out.exists()


@pytest.mark.slow
def test_a_new_head_is_made_when_asked(tmp_path: Path) -> None:
    weights = tmp_path / "other.safetensors"
    other_weights(weights)
    out = tmp_path / "run"
    asked = ["--init", str(weights), "--new-head", "--trials", "1", "--epochs", "1"]
    assert call("run", *SMALL, *asked, "--out", str(out)) == 0
    given, made = load_file(weights), load_file(out / "start/backbone.safetensors")
    assert made["8.weight"].shape == (10, 32)
    assert all(torch.equal(made[name], given[name]) for name in given if not name.startswith("8."))

"""A search judged by another metric than accuracy: the same number everywhere, and its name beside it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from inline_engine import installed_inline
from safetensors.torch import load_file
from sklearn.metrics import balanced_accuracy_score

from lcsearch import data
from lcsearch.cli.main import call
from lcsearch.core.spec import ModelSpec
from lcsearch.data import Split
from lcsearch.nets.surgery import build_model
from lcsearch.runs.read import read_run
from lcsearch.runs.retrained import all_results

pytestmark = pytest.mark.slow

COINS = '''
import torch

def part(count, seed):
    """Nine tenths of class 0; class 1 is brighter in the middle."""
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.arange(count) % 10 == 0).long()
    images = torch.randint(0, 150, (count, 1, 8, 8), generator=generator)
    images[:, :, 2:6, 2:6] += 25 * labels.view(-1, 1, 1, 1)
    return images.byte(), labels

def make():
    return part(600, 1), part(130, 2)
'''
RUN = Path("run")


def typed(*arguments: str) -> tuple[str, str]:
    """What a command prints, and what it says beside it."""
    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        assert call(list(arguments)) == 0, said.getvalue()
    return out.getvalue(), said.getvalue()


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """What a search of three trials prints and says; the folder that it lies in is the current one."""
    home = tmp_path_factory.mktemp("coins")
    (home / "coins_of_two_kinds.py").write_text(COINS)
    with installed_inline(home / "installed"), pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.syspath_prepend(home)
        yield typed(
            "run", "--backbone", "base", "--dataset", "coins_of_two_kinds:make", "--epochs", "2",
            "--trials", "3", "--init", "scratch", "--batch-size", "16", "--out", str(RUN),
            "--engine", "inline", "--metric", "balanced-accuracy",
        )  # fmt: skip


def answers(spec: ModelSpec, weights: Path, split: Split) -> list[int]:
    """A trained model's answers, image by image."""
    model = build_model(spec).eval()
    model.load_state_dict(load_file(weights))
    info = data.load("coins_of_two_kinds:make").info
    mean, std = (torch.tensor(numbers).view(1, -1, 1, 1) for numbers in (info.mean, info.std))
    with torch.no_grad():
        return [int(model((image[None] / 255 - mean) / std).argmax()) for image in split.images]


def test_what_is_recorded_is_what_scikit_learn_says(searched: tuple[str, str]) -> None:
    run, split = read_run(RUN), data.load("coins_of_two_kinds:make").validation
    labels = split.labels.tolist()
    kept = [t for t in run.complete if (RUN / f"trials/{t.number}/weights.safetensors").is_file()]
    assert kept and all(trial.accuracy not in (50, trial.plain_accuracy) for trial in kept)
    for trial in kept:
        found = answers(trial.spec.model, RUN / f"trials/{trial.number}/weights.safetensors", split)
        right = 100 * sum(a == b for a, b in zip(found, labels, strict=True)) / len(labels)
        assert trial.accuracy == pytest.approx(100 * balanced_accuracy_score(labels, found))
        assert trial.plain_accuracy == trial.epochs[-1].plain_accuracy == pytest.approx(right)
        with (RUN / f"trials/{trial.number}/metrics.csv").open() as file:
            last = list(csv.DictReader(file))[-1]
        assert float(last["plain_accuracy"]) == pytest.approx(right, abs=1e-4)
        assert float(last["accuracy"]) == pytest.approx(trial.accuracy or -1, abs=1e-4)
    rare = sum(labels)
    effective = 4 / (1 / rare + 1 / (len(labels) - rare))
    facts = run.settings["facts"]
    assert facts["validation_images"] == len(labels) and facts["effective_images"] == round(effective)


def test_the_run_says_it_at_its_start_and_end(searched: tuple[str, str]) -> None:
    out, said = searched
    assert "judged by balanced accuracy" in said
    assert re.search(r"class 0 holds (89|90|91)\.\d % of the training images\n", said)
    assert out.startswith("balanced accuracy against parameters\n")
    assert "  balanced accuracy " in out and "of the baseline's balanced accuracy" in out


def test_status_says_it(searched: tuple[str, str]) -> None:
    assert json.loads(typed("status", str(RUN), "--json")[0])["metric"] == "balanced-accuracy"
    shown = typed("status", str(RUN))[0]
    assert len(re.findall("accuracy", shown)) == len(re.findall("balanced accuracy", shown)) == 2


def test_export_checks_and_says_it(searched: tuple[str, str]) -> None:
    baseline = read_run(RUN).baseline
    assert baseline is not None
    shown = typed("export", str(RUN), "--trial", "0", "-o", "net.safetensors")[0]
    number = f"{baseline.accuracy:.2f} %"
    assert f"chose trial 0, {number} balanced accuracy" in shown
    assert f"; balanced accuracy {number}, {number} as trained" in shown
    typed("export", str(RUN), "--trial", "0", "-o", "net.yaml")
    assert "metric: balanced-accuracy" in Path("net.yaml").read_text()
    assert "metric: balanced-accuracy" in (RUN / "best.yaml").read_text()


def test_retrain_tests_by_it(searched: tuple[str, str]) -> None:
    shown = typed("retrain", str(RUN), "--trial", "0", "--epochs", "1", "--seeds", "1", "--engine", "inline")[
        0
    ]
    assert "test balanced accuracy" in shown
    with data.final_evaluation():
        split = data.test_split("coins_of_two_kinds:make")
    for result in all_results(RUN):
        spec = next(t.spec.model for t in read_run(RUN).trials if t.number == result.trial)
        found = answers(spec, result.weights, split)
        assert result.test_accuracy == pytest.approx(100 * balanced_accuracy_score(split.labels, found))
        assert result.effective_images == round(4 / (1 / 13 + 1 / 117))
    assert all(record.effective_images == 47 for record in read_run(RUN).retrained)
    assert "metric: balanced-accuracy" in (RUN / "retrain" / "results.yaml").read_text()

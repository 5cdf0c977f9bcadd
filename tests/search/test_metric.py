"""A search plans with as many images as its metric's noise is worth, also when it is gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lcsearch import data
from lcsearch.search.make import create, reopen
from lcsearch.search.session import SearchSession

BEADS = """
import torch

def make():
    labels = (torch.arange(400) % 20 == 0).long()
    images = torch.randint(256, (400, 3, 8, 8), generator=torch.Generator().manual_seed(5)).byte()
    return (images, labels), (images, labels)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beads_in_a_box.py").write_text(BEADS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def made(**said: object) -> SearchSession:
    asked = {
        "backbone": "base",
        "dataset": "beads_in_a_box:make",
        "init": "scratch",
        "out": Path("run"),
        **said,
    }
    return create(asked)


def planned_with(session: SearchSession) -> tuple[int, str]:
    """What rungs get: images that noise is worked out from, and what an accuracy is called."""
    planner = session._planner
    return planner.noise_images, planner.settings.metric


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["balanced-accuracy", "macro-f1"])
def test_rungs_get_the_effective_number_of_images(metric: str) -> None:
    session = made(metric=metric, validation_images=160)
    facts = yaml.safe_load(Path("run/run.yaml").read_text())["facts"]
    labels = data.load("beads_in_a_box:make", validation_images=160).validation.labels.tolist()
    rare = labels.count(1)
    assert facts["validation_images"] == len(labels) == 160 and 0 < rare < 20
    assert facts["effective_images"] == round(4 / (1 / rare + 1 / (160 - rare)))
    assert planned_with(session) == (facts["effective_images"], metric)
    assert planned_with(reopen(Path("run"))) == (facts["effective_images"], metric)
    assert f"judged by {metric.replace('-', ' ').replace('f1', 'F1')}, " in " ".join(session.introduction())


def test_accuracy_takes_all_of_them_as_a_run_without_the_key_does() -> None:
    session = made(validation_images=160)
    assert planned_with(session) == (160, "accuracy")
    assert "judged by" not in " ".join(session.introduction())
    file = Path("run/run.yaml")
    old = yaml.safe_load(file.read_text())
    assert old["settings"].pop("metric") == "accuracy" and old["facts"].pop("effective_images") is None
    file.write_text(yaml.safe_dump(old))
    assert planned_with(reopen(Path("run"))) == (160, "accuracy")

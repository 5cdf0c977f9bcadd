"""What is measured of two precisions is kept for a machine and a net, and made anew where it is damaged."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lcsearch.core.precision import StepTimes
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.data import SearchData
from lcsearch.nets.count import Count
from lcsearch.runs.settings import RunSettings
from lcsearch.search.precision import measured, trained_in, worth_measuring
from lcsearch.search.workers import make_objective

pytestmark = pytest.mark.slow

SETTINGS = RunSettings(
    "base", "digits", train_images=16, validation_images=20, image_size=8, recipe=Recipe(batch_size=16)
)
PLAIN, SIZE = ModelSpec("base", 10, 1), Count(399_050, 900_000, ())
FOUND = {"where": "invented", "threads": 1, "images": 64, "float32": 3.0, "bfloat16": 2.0, "problem": ""}


@pytest.fixture(scope="module")
def images() -> SearchData:
    return make_objective(SETTINGS).data()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path))
    return tmp_path / "precision"


def found_by(settings: RunSettings, images: SearchData, size: Count = SIZE) -> StepTimes:
    """By a clock that goes on by a hundredth of a second whenever it is looked at, and by nothing else."""
    return measured(settings, PLAIN, size, images, clock=itertools.count(0.0, 0.01).__next__)


def known(cache: Path, images: SearchData) -> Path:
    """The file of a first measurement, what it says changed to `FOUND`."""
    first = found_by(SETTINGS, images)
    assert first.images == 16 and first.speedup > 0 and not first.problem
    [file] = cache.iterdir()
    plain = json.loads(file.read_text())
    assert plain["found"]["float32"] == first.float32
    file.write_text(json.dumps(plain | {"found": FOUND}))
    return file


def test_what_was_measured_once_is_read(cache: Path, images: SearchData) -> None:
    file = known(cache, images)
    written = file.read_bytes()
    assert found_by(SETTINGS, images) == StepTimes("invented", 1, 64, 3.0, 2.0)
    assert found_by(replace(SETTINGS, trials=99, seed=7), images).where == "invented"
    assert file.read_bytes() == written and list(cache.iterdir()) == [file]


@pytest.mark.parametrize(
    "settings",
    [replace(SETTINGS, threads=2), replace(SETTINGS, recipe=Recipe(batch_size=8))],
    ids=["threads", "batch size"],
)
def test_what_was_measured_of_something_else_is_not_taken(
    cache: Path, images: SearchData, settings: RunSettings
) -> None:
    known(cache, images)
    assert found_by(settings, images).where != "invented"
    assert found_by(SETTINGS, images, replace(SIZE, params=1)).where != "invented"
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("damage", ["cut", "empty", "list", "other", "value", "folder"])
def test_a_damaged_file_is_made_anew(cache: Path, images: SearchData, damage: str) -> None:
    file = known(cache, images)
    plain = json.loads(file.read_text())
    file.write_text(
        {
            "cut": file.read_text()[:-9],
            "empty": "",
            "list": "[1, 2]",
            "other": json.dumps(plain | {"of": {**plain["of"], "backbone": "vgg11"}}),
            "value": json.dumps(plain | {"found": FOUND | {"bfloat16": -2.0}}),
            "folder": "",
        }[damage]
    )
    if damage == "folder":  # nothing can be read, and nothing written
        file.unlink()
        file.mkdir()
    anew = found_by(SETTINGS, images)
    assert anew.where != "invented" and anew.images == 16
    if damage != "folder":
        assert json.loads(file.read_text())["found"]["float32"] == anew.float32


@pytest.mark.parametrize(
    ("images", "epochs", "init", "worth"),
    [
        (10_000, 3, "trained", True),  # 2.5 M multiply-accumulates x 3 x 10,000 x 3 = 2.25e11
        (10_000, 2, "trained", False),
        (8_000, 3, "trained", False),
        (10_000, 3, "pretrained", False),  # tuned for an epoch, and never trained
    ],
)
def test_it_is_not_measured_what_a_run_of_seconds_could_gain(
    images: int, epochs: int, init: str, worth: bool
) -> None:
    settings = replace(
        SETTINGS, train_images=images, init=init, recipe=Recipe(epochs=epochs), fine_tune=Recipe(epochs=1)
    )
    assert worth_measuring(settings, Count(1, 2_500_000, ())) == worth


def test_every_recipe_of_a_run_is_trained_in_it() -> None:
    both = trained_in(replace(SETTINGS, fine_tune=Recipe(init="backbone", distill=0.5)), "bfloat16")
    recipes = both.recipe, both.fine_tune, both.baseline_recipe, both.thinner_recipe, both.searched_recipe
    assert [one and one.precision for one in recipes] == ["bfloat16"] * 5
    assert trained_in(SETTINGS, "float32") == SETTINGS

"""Teachers of nets from scratch and of those that train on: that of fine-tuning where views are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lcsearch.compress import sensitivity
from lcsearch.core.errors import InputError
from lcsearch.core.job import Job
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.data import SearchData, load
from lcsearch.nets.surgery import build_model
from lcsearch.train.augmentation import same_views
from lcsearch.train.objective import TrainObjective
from lcsearch.train.start import Start, prepare
from lcsearch.train.teacher import read_teacher

pytestmark = pytest.mark.slow

PLAIN = ModelSpec("base", 10, 1)
TUNED = Recipe(epochs=1, init="backbone", distill=0.5)
OBJECTIVE = TrainObjective(
    "digits", train_images=200, validation_images=100, image_size=8, device="cpu", threads=1
)


@pytest.fixture(scope="module")
def images() -> SearchData:
    return load("digits", train_images=200, validation_images=100, image_size=8)


def filled(
    folder: Path, images: SearchData, tuned: Recipe, scratch: Recipe | None, longer: Recipe | None = None
) -> Start:
    torch.manual_seed(0)
    start = Start(folder / "start")
    start.write_backbone(build_model(PLAIN).state_dict())
    prepare(
        start.folder, template=PLAIN, layers=("features.8",), data=lambda: images,
        recipe=tuned, scratch=scratch, longer=longer, seed=7, device="cpu", threads=1,
    )  # fmt: skip
    return start


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "WORK", 0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Recipe(epochs=1), Recipe(epochs=11), True),
        (Recipe(epochs=1), Recipe(epochs=12), False),
        (Recipe(epochs=4), Recipe(epochs=16, crop=0, flip=False), True),
        (Recipe(epochs=1, crop=2), Recipe(epochs=4, crop=2), False),
        (Recipe(epochs=4, flip=True), Recipe(epochs=4, flip=True), True),
        (Recipe(epochs=12, crop=0), Recipe(epochs=12, crop=0, flip=False), False),
        (Recipe(epochs=2), Recipe(epochs=2, augment="resize"), False),
        (Recipe(epochs=2, augment="resize"), Recipe(epochs=2, augment="resize"), True),
    ],
)
def test_views_are_the_same_where_neither_augments_or_both_do_alike(
    one: Recipe, other: Recipe, same: bool
) -> None:
    assert same_views(one, other) == same_views(other, one) == same


def test_one_teacher_serves_both_where_nothing_is_cropped_or_flipped(
    tmp_path: Path, images: SearchData
) -> None:
    scratch = replace(TUNED, init="scratch", epochs=4)
    start = filled(tmp_path, images, TUNED, scratch)
    assert start.teacher_of(TUNED) == start.teacher_of(scratch) == start.teacher
    assert not start.scratch_teacher.exists()


def test_other_views_are_of_a_teacher_of_their_own(tmp_path: Path, images: SearchData) -> None:
    tuned = replace(TUNED, crop=1)
    scratch = replace(tuned, init="scratch", epochs=3)
    start = filled(tmp_path, images, tuned, scratch)
    assert start.teacher_of(tuned) == start.teacher
    assert start.teacher_of(scratch) == start.scratch_teacher
    few, many = (read_teacher(start.teacher_of(recipe)).outputs for recipe in (tuned, scratch))
    assert (len(few), len(many)) == (1, 3) and torch.equal(few[0], many[0])


def test_models_that_train_on_for_longer_have_as_many_views(tmp_path: Path, images: SearchData) -> None:
    tuned = replace(TUNED, crop=1)
    longer = replace(tuned, init="trial", epochs=3)
    start = filled(tmp_path, images, tuned, None, longer)
    few, many = (read_teacher(start.teacher_of(recipe)).outputs for recipe in (tuned, longer))
    assert (len(few), len(many)) == (1, 3) and torch.equal(few[0], many[0])
    again = filled(tmp_path, images, tuned, None, replace(longer, epochs=2))
    assert len(read_teacher(again.teacher_of(replace(longer, epochs=2))).outputs) == 2
    plain = filled(tmp_path / "plain", images, TUNED, None, replace(TUNED, init="trial", epochs=3))
    assert plain.teacher_of(replace(TUNED, init="trial", epochs=3)) == plain.teacher


def test_a_thinner_net_from_scratch_learns_from_the_backbone(tmp_path: Path, images: SearchData) -> None:
    """With all of the loss from it, wrong labels do no harm: the net learns what the backbone says."""
    scratch = Recipe(epochs=1, distill=1.0)
    start = filled(tmp_path, images, TUNED, scratch)
    model = replace(PLAIN, channels={"features.8": 0.25}, image_size=(8, 8))
    job = Job(3, 0, 5, TrialSpec(model, recipe=scratch), str(tmp_path / "3"), False, start=str(start.folder))
    losses = [OBJECTIVE(job, lambda epoch, metrics: True)["train_loss"]]
    other = replace(job, spec=TrialSpec(model, recipe=replace(scratch, distill=0.0)))
    losses.append(OBJECTIVE(other, lambda epoch, metrics: True)["train_loss"])
    assert losses[0] < losses[1] - 0.5, "an untrained backbone believes in nothing, which is soon learnt"
    with pytest.raises(InputError, match="needs a trained backbone, and there is none"):
        OBJECTIVE(replace(job, start=""), lambda epoch, metrics: True)

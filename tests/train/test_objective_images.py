"""Images that a worker cannot read, or that are others than the driver saw, are no fault of a trial."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from image_folders import make_folder, picture

from lcsearch import data
from lcsearch.core.errors import HaltError
from lcsearch.core.job import Job, Verdict
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.data.digest import seen_digest
from lcsearch.engines import run_job
from lcsearch.train.objective import TrainObjective
from lcsearch.train.teacher import Teacher, knows_images, write_teacher


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "toys")


@pytest.fixture
def objective(root: Path) -> TrainObjective:
    whole = TrainObjective(f"folder:{root}", None, 20, 10, 8, own_validation=False, device="cpu", threads=1)
    return replace(whole, seen=seen_digest(whole.data()))


def how_it_ends(objective: TrainObjective, folder: Path) -> tuple[str, str]:
    spec = TrialSpec(ModelSpec("base", 3, 3), recipe=Recipe(epochs=1, batch_size=10))
    job = Job(0, 0, 1, spec, str(folder / "trial"), False)
    ending = run_job(job, objective, lambda epoch, metrics: Verdict.GO_ON)
    assert "\n" not in ending.reason
    return ending.kind, ending.reason


def forget(objective: TrainObjective) -> None:
    """As a worker that starts: nothing is in memory."""
    objective.use_data(data.load("digits", image_size=8, train_images=20, validation_images=10))
    replace(objective, image_size=9).use_data(objective.data())


def test_the_images_that_the_driver_saw_are_trained_on(objective: TrainObjective, tmp_path: Path) -> None:
    forget(objective)
    assert how_it_ends(objective, tmp_path)[0] == "complete"


@pytest.mark.parametrize("lost", ["folder", "class", "file"])
def test_images_that_are_gone_halt_the_run(
    objective: TrainObjective, root: Path, tmp_path: Path, lost: str
) -> None:
    forget(objective)
    gone = {"folder": root, "class": root / "cube", "file": root / "cube" / "03.bmp"}[lost]
    gone.unlink() if gone.is_file() else shutil.rmtree(gone)
    kind, reason = how_it_ends(objective, tmp_path)
    assert kind == "halted" and ("cannot be read" in reason or "not those" in reason)


def test_a_file_that_is_damaged_halts_the_run(
    objective: TrainObjective, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "cache"))
    forget(objective)
    for path in root.rglob("*.bmp"):
        path.write_bytes(path.read_bytes()[:60])
    kind, reason = how_it_ends(objective, tmp_path)
    assert kind == "halted" and ".bmp: no readable image" in reason


def test_other_images_than_the_driver_saw_halt_the_run(
    objective: TrainObjective, root: Path, tmp_path: Path
) -> None:
    """One pixel of a copy on another machine is enough."""
    forget(objective)
    for path in root.rglob("*.bmp"):
        picture(77).save(path)
    kind, reason = how_it_ends(objective, tmp_path)
    assert kind == "halted" and "are not those that were there as the run started" in reason


def test_a_function_that_fails_later_halts_the_run(tmp_path: Path) -> None:
    objective = TrainObjective("no_such_module_here:images", device="cpu", threads=1)
    with pytest.raises(HaltError, match="the images cannot be read: no_such_module_here:images: "):
        objective.data()


def test_a_teachers_scores_are_of_the_images_that_it_saw(tmp_path: Path) -> None:
    path = tmp_path / "teacher.safetensors"
    assert not knows_images(path, "a")
    write_teacher(Teacher(torch.zeros(1, 2, 3), 0, 0, False, "a"), path)
    assert knows_images(path, "a") and knows_images(path, "") and not knows_images(path, "b")
    write_teacher(Teacher(torch.zeros(1, 2, 3), 0, 0, False), path)
    assert knows_images(path, "b"), "an old version did not say of which images they are"

"""A run made before val/ was used goes on with validation images out of train/, a new one takes val/."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from run_files import run_file

from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.records import RunRecord
from lcsearch.core.yaml import write_yaml
from lcsearch.export.source import load_data
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.search.images import check_images
from lcsearch.search.make import create
from lcsearch.search.workers import make_objective

GREY = {"train": 10, "val": 120, "test": 230}


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "cache"))
    for part, grey in GREY.items():
        for kind in ("cup", "jug"):
            folder = tmp_path / "photos" / part / kind
            folder.mkdir(parents=True)
            for number in range(10):
                Image.new("L", (8, 8), grey + number).save(folder / f"{number}.png")
    return tmp_path / "photos"


def recorded(run: Path) -> RunRecord:
    return RunRecord(run, RunDirectory.open(run).read().to_plain(), 1, ())


def asked(photos: Path) -> dict[str, object]:
    return {
        "backbone": "base",
        "dataset": f"folder:{photos}",
        "image_size": 8,
        "init": "scratch",
        "out": photos.parent / "run",
    }


def test_a_new_run_trains_on_train_and_validates_on_val(photos: Path) -> None:
    session = create(asked(photos))
    settings = session.settings
    assert (settings.own_validation, settings.train_images, settings.validation_images) == (True, 20, 20)
    for loaded in (make_objective(settings).data(), load_data(recorded(session.path)).data):
        assert loaded.train.images.max() < GREY["val"] <= loaded.validation.images.min()
        assert loaded.validation.images.max() < GREY["test"]


def test_an_old_run_goes_on_as_it_began(photos: Path, tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path / "old")
    settings = RunSettings(
        "base", f"folder:{photos}", train_images=16, validation_images=4, image_size=8, own_validation=True
    )
    plain = run_file(settings, Facts(2, 3, 8, 16, 4)).to_plain()
    del plain["settings"]["own_validation"]
    write_yaml(directory.settings, plain)
    for loaded in (
        make_objective(directory.read().settings).data(),
        load_data(recorded(directory.path)).data,
    ):
        assert (len(loaded.train), len(loaded.validation)) == (16, 4)
        assert max(loaded.train.images.max(), loaded.validation.images.max()) < GREY["val"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda test: (test / "jug" / "3.png").write_bytes(b"GIF89a"), "test/jug/3.png: no readable image"),
        (lambda test: [path.unlink() for path in (test / "cup").iterdir()], "test/cup: there is no image"),
        (lambda test: (test / "cup" / "x.png").symlink_to("y.png"), "test/cup/x.png: a link to y.png"),
    ],
)
def test_what_is_wrong_with_test_is_found_before_the_run_is_made(photos: Path, wrong, said: str) -> None:  # type: ignore[no-untyped-def]
    wrong(photos / "test")
    with pytest.raises(InputError, match=said):
        create(asked(photos))
    assert not (photos.parent / "run").exists()


def test_what_lies_beside_the_images_is_noted_in_the_run(photos: Path) -> None:
    for name in ("train/.ipynb_checkpoints", "test/.ipynb_checkpoints", "raw"):
        (photos / name).mkdir()
    notes = recorded(create(asked(photos)).path).settings["notes"]
    assert "left out of photos/: 1 folder beside the parts, such as raw" in notes
    for part in ("train", "test"):
        line = f"left out of {part}/: 1 hidden file or folder, such as .ipynb_checkpoints"
        assert notes.count(line) == 1


def test_an_old_run_that_took_a_hidden_folder_for_a_class_is_refused(photos: Path, tmp_path: Path) -> None:
    """Its first label was that of the hidden folder: the labels of all others have moved."""
    directory = RunDirectory.create(tmp_path / "old")
    settings = RunSettings("base", f"folder:{photos}", train_images=16, validation_images=4, image_size=8)
    known = run_file(settings, Facts(2, 3, 8, 16, 4))
    assert "older version" in check_images(directory, known, settings).note
    with pytest.raises(InputError, match=r"was made with 3 classes, and folder:.* has 2 now"):
        check_images(directory, run_file(settings, Facts(3, 3, 8, 16, 4)), settings)


def test_an_old_run_whose_folder_is_gone_halts(photos: Path, tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path / "old")
    settings = RunSettings("base", f"folder:{photos}/nowhere", train_images=16, validation_images=4)
    with pytest.raises(HaltError, match=r"its images cannot be read: .*no such readable folder"):
        check_images(directory, run_file(settings, Facts(2, 3, 8, 16, 4)), settings)

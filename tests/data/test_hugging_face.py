"""Data sets of Hugging Face, on folders made here."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.core.room import Room
from lcsearch.data.loading import divide

hf = pytest.importorskip("datasets")
NAMES = ["cat", "dog", "owl"]


def pictures(values: range, size: int = 32, mode: str = "RGB") -> list[Image.Image]:
    """Pictures of one colour, from which it can be told which one each is."""
    shape = (size, size, 3) if mode == "RGB" else (size, size)
    return [Image.fromarray(np.full(shape, value, np.uint8)) for value in values]


def write(folder: Path, split: str, columns: dict[str, Any], label: Any = None) -> Path:
    kinds = {name: hf.Image() for name in columns if "picture" in name}
    kinds |= {"kind": label or hf.ClassLabel(names=NAMES)} if "kind" in columns else {}
    table = hf.Dataset.from_dict(columns)
    for name, kind in kinds.items():
        table = table.cast_column(name, kind)
    folder.mkdir(exist_ok=True)
    table.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def of(values: range, **more: Any) -> dict[str, Any]:
    return {"picture": pictures(values), "kind": [value % 3 for value in values], **more}


def values(split: data.Split) -> list[int]:
    return split.images[:, 0, 0, 0].tolist()


def test_columns_are_found_by_their_types(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", "train", of(range(60), id=list(range(60))))
    write(folder, "test", of(range(100, 120), id=list(range(20))))
    loaded = data.load(f"hf:{folder}")
    assert loaded.info.classes == tuple(NAMES) and loaded.info.in_channels == 3
    assert loaded.info.image_size == 32
    assert sorted([*values(loaded.train), *values(loaded.validation)]) == list(range(60))
    assert [value % 3 for value in values(loaded.train)] == loaded.train.labels.tolist()
    with data.final_evaluation():
        assert values(data.test_split(f"hf:{folder}")) == list(range(100, 120))


def test_without_a_test_split_a_fixed_fifth_is_it(tmp_path: Path) -> None:
    name = f"hf:{write(tmp_path / 'set', 'train', of(range(60)))}"
    loaded = data.load(name)
    with data.final_evaluation():
        test = data.test_split(name)
    assert test.labels.bincount().tolist() == [4, 4, 4]
    every = [*values(loaded.train), *values(loaded.validation), *values(test)]
    assert sorted(every) == list(range(60))


def test_a_validation_split_validates_beside_a_test_split_and_tests_alone(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", "train", of(range(60)))
    write(folder, "validation", of(range(100, 120)))
    with data.final_evaluation():
        assert values(data.test_split(f"hf:{folder}")) == list(range(100, 120))
    write(folder, "test", of(range(200, 220)))
    loaded = data.load(f"hf:{folder}")
    assert sorted(values(loaded.train)) == list(range(60))
    assert sorted(values(loaded.validation)) == list(range(100, 120))


def test_a_test_split_without_labels_is_none(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", "train", of(range(60)))
    write(folder, "test", of(range(100, 120)) | {"kind": [-1] * 20})
    with data.final_evaluation():
        assert max(values(data.test_split(f"hf:{folder}"))) < 60


def test_grey_pictures_have_one_channel_and_texts_are_classes(tmp_path: Path) -> None:
    said = ["no" if value % 2 else "yes" for value in range(40)]
    columns = {"picture": pictures(range(40), 28, "L"), "label": said}
    loaded = data.load(f"hf:{write(tmp_path / 'set', 'train', columns)}")
    assert loaded.info.in_channels == 1 and loaded.info.image_size == 32
    assert loaded.info.classes == ("no", "yes")
    assert [(value + 1) % 2 for value in values(loaded.train)] == loaded.train.labels.tolist()


def test_files_that_do_not_say_which_column_holds_images(tmp_path: Path) -> None:
    def encoded(picture: Image.Image) -> dict[str, Any]:
        with io.BytesIO() as file:
            picture.save(file, "PNG")
            return {"bytes": file.getvalue(), "path": None}

    columns = of(range(60))
    table = pyarrow.table({"picture": list(map(encoded, columns["picture"])), "label": columns["kind"]})
    pyarrow.parquet.write_table(table, tmp_path / "train.parquet")
    loaded = data.load(f"hf:{tmp_path}")
    assert [value % 3 for value in values(loaded.train)] == loaded.train.labels.tolist()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"picture2": pictures(range(60))},
            r"several columns of images \(picture, picture2\); name one with",
        ),
        (
            {"picture": [0] * 60},
            r"no column of images; its columns are picture \(int64\), kind \(int64\); name",
        ),
        (
            {"kind": [0.5] * 60},
            r"no column of labels; its columns are picture \(.*\), kind \(float64\); name",
        ),
    ],
)
def test_columns_that_cannot_be_told_are_named(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    columns = of(range(60)) | more
    label = hf.Value("float64") if "kind" in more else None
    if "picture" in more:
        columns = {"kind": columns["kind"], "picture": columns["picture"]}
        table = hf.Dataset.from_dict({"picture": columns["picture"], "kind": columns["kind"]})
        (tmp_path / "set").mkdir()
        table.cast_column("kind", hf.ClassLabel(names=NAMES)).to_parquet(tmp_path / "set" / "train.parquet")
    else:
        write(tmp_path / "set", "train", columns, label)
    with pytest.raises(InputError, match=said):
        data.load(f"hf:{tmp_path / 'set'}")


@pytest.mark.parametrize("column", ["boxes", "place", "picture"])
def test_labels_are_neither_lists_nor_tables_nor_images(tmp_path: Path, column: str) -> None:
    columns = of(range(30), boxes=[[1, 2]] * 30, place=[{"x": 1}] * 30)
    name = data.with_columns(f"hf:{write(tmp_path / 'set', 'train', columns)}", None, column)
    with pytest.raises(InputError, match=rf"^dataset=.*: column '{column}' holds .*; labels are whole numb"):
        data.load(name)


def test_a_column_of_numbers_holds_no_images(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", "train", of(range(30), size=[32] * 30))
    name = data.with_columns(f"hf:{folder}", "size", None)
    with pytest.raises(InputError, match=r"^dataset=.*: column 'size' holds no images \(.+\)$"):
        data.load(name)


@pytest.mark.parametrize(
    ("images", "missing", "said"),
    [
        (30, 7, r"^dataset=.*: column 'picture': no readable images \(an image is missing\)$"),
        (200, 1, r"image \d+ of 'picture': no readable picture \(an image is missing\)$"),
    ],
)
def test_a_row_without_its_image_is_said(tmp_path: Path, images: int, missing: int, said: str) -> None:
    """Whether or not it is one of the few that are looked at first."""
    columns = of(range(images))
    columns["picture"][missing] = None
    name = f"hf:{write(tmp_path / 'set', 'train', columns)}"
    with pytest.raises(InputError, match=said):
        data.load(name)


def test_an_empty_training_split_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = hf.Features(picture=hf.Image(), kind=hf.ClassLabel(names=NAMES))
    rows = hf.Dataset.from_dict({"picture": [], "kind": []}, features=kinds)
    monkeypatch.setattr(hf, "load_dataset", lambda *_: {"train": rows})
    with pytest.raises(InputError, match=r"^dataset=.*: its training split is empty$"):
        data.load("hf:some/set")


def test_a_label_that_no_class_has_is_said(tmp_path: Path) -> None:
    columns = {"picture": pictures(range(30)), "label": ["yes", "no"] * 15}
    folder = write(tmp_path / "set", "train", columns)
    write(folder, "test", columns | {"label": ["yes", "maybe"] * 15})
    with data.final_evaluation(), pytest.raises(InputError, match="test: label 'maybe', which no class has"):
        data.test_split(f"hf:{folder}")


@pytest.mark.parametrize("name", ["hf:", "hf:,x", "hf:@label=kind"])
def test_a_name_without_a_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(write(tmp_path / "set", "train", of(range(30))))
    with pytest.raises(InputError, match=f"^dataset='{name}': names no data set; write hf:NAME"):
        data.load(name)


def test_named_columns_win(tmp_path: Path) -> None:
    columns = of(range(60), picture2=pictures(range(100, 160)), other=[value % 2 for value in range(60)])
    folder = write(tmp_path / "set", "train", columns)
    name = data.with_columns(f"hf:{folder}", "picture2", "other")
    assert name == data.full_name(name)
    loaded = data.load(name)
    assert loaded.info.num_classes == 2 and min(values(loaded.train)) >= 100
    assert data.with_columns(name, None, "kind") == f"hf:{folder}@image=picture2@label=kind"
    with pytest.raises(InputError, match=r"label_column='kid': .* has no such column; did you mean 'kind'\?"):
        data.load(data.with_columns(f"hf:{folder}", "picture", "kid"))
    with pytest.raises(
        InputError, match=r"image_column='picture': means nothing with digits; it is for hf:NAME"
    ):
        data.with_columns("digits", "picture", None)


def test_a_folder_is_known_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path)
    assert data.full_name("hf:set@label=kind") == f"hf:{tmp_path / 'set'}@label=kind"
    assert data.full_name("hf:nowhere/set,one") == "hf:nowhere/set,one"


def test_a_folder_may_have_a_comma_in_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "cats,dogs", "train", of(range(30)))
    monkeypatch.chdir(tmp_path)
    full = f"hf:{tmp_path / 'cats,dogs'}"
    assert data.full_name("hf:cats,dogs") == full == data.full_name(full)
    assert len(data.load("hf:cats,dogs").info.classes) == 3


def test_a_folder_of_image_files_is_read(tmp_path: Path) -> None:
    for place, picture in enumerate(pictures(range(60))):
        file = tmp_path / "train" / NAMES[place % 3] / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file)
    loaded = data.load(f"hf:{tmp_path}")
    assert loaded.info.classes == tuple(NAMES)
    assert [value % 3 for value in values(loaded.train)] == loaded.train.labels.tolist()


def test_other_test_images_are_noticed_and_other_images_decoded_anew(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", "train", of(range(60)))
    write(folder, "test", of(range(100, 120)))
    before = divide(f"hf:{folder}").test_content()
    assert before == divide(f"hf:{folder}").test_content()
    assert min(values(data.load(f"hf:{folder}").train)) < 60
    write(folder, "train", of(range(60, 120)))
    write(folder, "test", of(range(101, 121)))
    assert divide(f"hf:{folder}").test_content() != before
    assert min(values(data.load(f"hf:{folder}").train)) >= 60


def test_a_set_larger_than_memory_is_the_same_in_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", "train", of(range(60)))
    write(folder, "test", of(range(100, 120)))
    write(folder, "validation", of(range(200, 212)))
    found = []
    for room in (Room(10**9), Room(1, str(tmp_path / "cache"))):
        loaded = data.load(f"hf:{folder}", room=room)
        with data.final_evaluation():
            found.append((loaded.train, loaded.validation, data.test_split(f"hf:{folder}", room=room)))
    for whole, mapped in zip(*found, strict=True):
        assert whole.file is None and mapped.file is not None
        assert whole.images.equal(mapped.images) and whole.labels.equal(mapped.labels)
        mapped.file.check()


def test_other_rows_of_a_set_in_files_are_decoded_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, room = tmp_path / "set", Room(1, str(tmp_path / "cache"))
    for start, written in ((0, True), (0, False), (120, True)):
        if written:
            write(folder, "train", of(range(start, start + 60)))
        loaded = data.load(f"hf:{folder}", room=room)
        assert sorted([*values(loaded.train), *values(loaded.validation)])[0] // 120 == start // 120
    said = capsys.readouterr().err
    assert said.count("decoding 38 images") == 2 and said.count("have changed since") == 2


def test_what_is_no_set_of_labelled_images_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=r"empty': no readable folder of parquet or image files: .* any data files$"
    ):
        data.load(f"hf:{tmp_path / 'empty'}")


def test_without_a_network_it_is_said_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("Couldn't reach 'some/set' on the Hub\n(no network)")

    monkeypatch.setattr(hf, "load_dataset", refuse)
    said = r"^dataset='hf:some/set,one': cannot be had \(.* Hub \(no network\)\); tried the hub .*='digits'$"
    with pytest.raises(InputError, match=said):
        data.load("hf:some/set,one")


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs datasets, not installed here; pip install 'lcsearch\[hf\]'"):
        data.load("hf:mnist")

"""Data sets of Hugging Face, on folders of parquet files made here."""

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


def test_what_is_no_set_of_labelled_images_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty': no readable folder of parquet files: .* any data files$"):
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

"""Every row of the table of torchvision's sets, against the classes of the torchvision that is installed."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from torchvision import datasets

from lcsearch.data.sets._torchvision_named import NamedSet
from lcsearch.data.sets._torchvision_private import WITHOUT_LOADER
from lcsearch.data.sets._torchvision_table import SETS

NAMED = [pytest.param(row, id=name) for name, row in SETS.items() if isinstance(row, NamedSet)]


@pytest.mark.parametrize("row", NAMED)
def test_a_class_takes_what_it_is_given(row: NamedSet) -> None:
    kind = getattr(datasets, row.kind)
    loader = {"loader": Path} if row.form == "files" and row.kind not in WITHOUT_LOADER else {}
    download = {"download": True} if row.fetched else {}
    for options in row.parts.values():
        inspect.signature(kind).bind("folder", **{**options, **loader, **download})


@pytest.mark.parametrize("row", NAMED)
def test_a_row_is_whole(row: NamedSet) -> None:
    assert row.parts.keys() == {"all"} or {"train", "test"} <= row.parts.keys()
    assert row.signs and row.num_classes >= 2 and row.image_size >= 16
    assert len(row.mean) == len(row.std) == row.in_channels


@pytest.mark.parametrize("split", datasets.EMNIST.splits)
def test_emnist_has_as_many_classes_as_torchvision_says(split: str) -> None:
    classes = [name for name in datasets.EMNIST.classes_split_dict[split] if name != "N/A"]
    assert SETS[f"EMNIST,{split}"].num_classes == len(classes)


def test_the_docs_list_every_set_with_its_classes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text()
    for name, row in SETS.items():
        assert f"| `{name}` | {row.summary} | {row.num_classes:,} | {row.image_size} |" in page

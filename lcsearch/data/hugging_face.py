"""``hf:NAME[,CONFIG]``: a data set of the Hugging Face hub, or a local folder of parquet or image files.

Its ``train`` split trains. Its ``test`` split is the test part; without one, or where that has no labels, its
validation split is, and where there is none either a fixed stratified fifth of ``train``. Beside a test split
a validation split validates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from lcsearch.core.errors import InputError, Named, reason
from lcsearch.core.packages import require
from lcsearch.core.text import listed
from lcsearch.data.content import digest_of_arrays
from lcsearch.data.dataset import DataSet, Listing, Part, Raw
from lcsearch.data.hugging_face_columns import Columns, columns_of
from lcsearch.data.hugging_face_rows import content_of, pictures_of, sampled, streamed_pictures
from lcsearch.data.pixels import IMAGENET_MEAN, IMAGENET_STD
from lcsearch.data.places import cache_dir
from lcsearch.data.split import fixed_share
from lcsearch.data.streamed import Wanted

PREFIX = "hf:"
_IMAGE, _LABEL = "@image=", "@label="
_VALIDATION = ("validation", "val", "valid", "dev")


def with_columns(name: str, image: str | None, label: str | None) -> str:
    """The name of a data set in which its columns are named, as it is recorded.

    Raises:
        InputError: Columns are named of another kind of data set.
    """
    for setting, column in (("image_column", image), ("label_column", label)):
        if column is not None and not name.startswith(PREFIX):
            raise InputError(f"means nothing with {name}; it is for hf:NAME", setting=setting, value=column)
    if image is None and label is None:
        return name
    asked = _Asked.of(name)
    return str(replace(asked, image=image or asked.image, label=label or asked.label))


def full_name(name: str) -> str:
    """The name as it is understood in any folder: a folder gets its whole path."""
    asked = _Asked.of(name)
    if not _is_folder(asked.path):
        return name
    return str(replace(asked, path=str(Path(asked.path).expanduser().resolve())))


def _is_folder(path: str) -> bool:
    return bool(path) and Path(path).expanduser().is_dir()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a name says.

    Attributes:
        path: A name on the hub, or a folder.
        config: One of its configurations; None for its only one.
        image: The column of the images; None where it is to be found.
        label: Likewise.
    """

    path: str
    config: str | None
    image: str | None
    label: str | None

    @classmethod
    def of(cls, name: str) -> _Asked:
        rest, _, label = name.removeprefix(PREFIX).partition(_LABEL)
        rest, _, image = rest.partition(_IMAGE)
        # A folder's name may have a comma in it.
        path, _, config = (rest, "", "") if _is_folder(rest) else rest.partition(",")
        return cls(path, config or None, image or None, label or None)

    def __str__(self) -> str:
        marks = ((",", self.config), (_IMAGE, self.image), (_LABEL, self.label))
        return PREFIX + self.path + "".join(f"{mark}{said}" for mark, said in marks if said is not None)


@dataclass(frozen=True, kw_only=True, eq=False)
class HuggingFaceSet(DataSet):
    """A data set that Hugging Face's ``datasets`` reads.

    Attributes:
        splits: Its splits by the parts that they are for: ``train``, and ``test`` and ``validation`` if any.
        columns: Where images and labels stand.
        left_out: What of it is not read, in a line each.
    """

    splits: dict[str, Any]
    columns: Columns
    left_out: tuple[str, ...]

    def read(self, folder: Path, part: Part) -> Raw:
        """Read the labels of one part; images are decoded as they are taken."""
        labels = self._labels("train")
        if "test" not in self.splits:
            chosen = fixed_share(labels, part)
            return self._raw([("train", chosen)], labels[chosen])
        if part == "test":
            labels = self._labels("test")
            return self._raw([("test", torch.arange(len(labels)))], labels)
        if "validation" not in self.splits:
            return self._raw([("train", torch.arange(len(labels)))], labels)
        more, first = self._labels("validation"), len(labels)
        pieces = [("train", torch.arange(first)), ("validation", torch.arange(len(more)))]
        raw = self._raw(pieces, torch.cat([labels, more]))
        return replace(raw, validation=torch.arange(first, first + len(more)))

    def test_listing(self, folder: Path) -> Listing:
        """The labels of the test part."""
        return Listing.of_labels(self.read(folder, "test").labels.tolist())

    def test_content(self, folder: Path) -> str:
        """That of the encoded images and the labels of the test part."""
        if "test" in self.splits:
            return content_of(self.splits["test"], self.columns)
        chosen = fixed_share(self._labels("train"), "test")
        return content_of(self.splits["train"].select(chosen.tolist()), self.columns)

    def without_validation(self) -> Self:
        """Leave its own validation split out."""
        return replace(self, splits={name: self.splits[name] for name in self.splits if name != "validation"})

    def _labels(self, split: str) -> Tensor:
        return self.columns.labels(self.splits[split], split, self.name)

    def _raw(self, pieces: Sequence[tuple[str, Tensor]], labels: Tensor) -> Raw:
        """Images of several splits, int64 places (k,) in each, one after the other."""
        from datasets import concatenate_datasets

        rows = concatenate_datasets([self.splits[name].select(chosen.tolist()) for name, chosen in pieces])
        mode = "L" if self.in_channels == 1 else "RGB"

        def take(indices: Tensor, size: int) -> Tensor:
            return pictures_of(rows.select(indices.tolist()), self.columns, size, mode)

        def stream(indices: Tensor, size: int) -> Wanted:
            chosen, which = rows.select(indices.tolist()), digest_of_arrays([indices, labels])
            return streamed_pictures(self.name, which, chosen, self.columns, size, mode)

        return Raw(labels, take, left_out=self.left_out, stream=stream)


def hugging_face_set(name: str) -> HuggingFaceSet:
    """The data set of ``hf:NAME``; decodes a few of its training images.

    Raises:
        InputError: ``datasets`` is not installed, the set cannot be had, or it is none of images with labels.
    """
    require(("datasets",), "lcsearch[hf]", "dataset")
    asked = _Asked.of(name)
    found = _loaded(asked, name)
    splits, left_out = _parts(found, name)
    columns = columns_of(splits["train"], asked.image, asked.label, name)
    splits = {part: columns.alone(split, name) for part, split in splits.items()}
    if "test" in splits and columns.unlabelled(splits["test"]):
        del splits["test"]
    if "test" not in splits and "validation" in splits:
        splits["test"] = splits.pop("validation")
    size, grey = sampled(splits["train"], columns, name)
    return HuggingFaceSet(
        name=name,
        summary=f"{asked.path} of Hugging Face",
        num_classes=len(columns.classes),
        classes=columns.names,
        in_channels=1 if grey else 3,
        image_size=size,
        mean=(0.5,) if grey else IMAGENET_MEAN,
        std=(0.5,) if grey else IMAGENET_STD,
        flip=not grey,
        splits=splits,
        columns=columns,
        left_out=left_out,
    )


def _loaded(asked: _Asked, name: str) -> Any:
    """Every split by its name."""
    import datasets

    if not asked.path:
        problem = "names no data set; write hf:NAME[,CONFIG] of the Hugging Face hub, or hf:FOLDER"
        raise InputError(problem, setting="dataset", value=name)
    try:
        if _is_folder(asked.path):
            folder, cache = str(Path(asked.path).expanduser()), str(cache_dir() / "hugging-face")
            return datasets.load_dataset(folder, asked.config, cache_dir=cache)
        return datasets.load_dataset(asked.path, asked.config)
    except Exception as error:  # whatever files, the hub and a dozen libraries raise
        raise InputError(*_not_had(asked, error), setting="dataset", value=name) from error


def _not_had(asked: _Asked, error: Exception) -> tuple[str | Named, ...]:
    if _is_folder(asked.path):
        return (f"no readable folder of parquet or image files: {reason(error)}",)
    tried = f"cannot be had ({reason(error)}); tried the hub of Hugging Face and its cache (HF_HOME); "
    instead = "without a network give a folder of parquet or image files, hf:FOLDER, or use "
    return tried, instead, Named("dataset", "digits")


def _parts(found: Any, name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The splits by what they are for, and a line where there are others."""
    names = list(found)
    train = names[0] if len(names) == 1 else "train"
    if train not in names:
        problem = f"has no split train, only {listed(names)}"
        raise InputError(problem, setting="dataset", value=name)
    validation = next((one for one in _VALIDATION if one in names), None)
    used = {"train": train, "test": "test" if "test" in names else None, "validation": validation}
    taken = {part: split for part, split in used.items() if split is not None}
    others = [one for one in names if one not in taken.values()]
    said = (f"splits of {name} that are not read: {listed(others)}",) if others else ()
    return {part: found[split] for part, split in taken.items()}, said

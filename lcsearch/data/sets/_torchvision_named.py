"""How sets are read that have no file of their own here: by their classes in torchvision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError, Named
from lcsearch.data.content import digest_of_arrays, states_of
from lcsearch.data.dataset import Listing, Part, Raw
from lcsearch.data.image_files import of_files
from lcsearch.data.pictures import eight_bits, square
from lcsearch.data.pixels import from_arrays
from lcsearch.data.sets._torchvision import TorchvisionSet, with_all
from lcsearch.data.sets._torchvision_private import WITHOUT_LOADER, FileAndLabel, files_of
from lcsearch.data.split import fixed_share

NamedPart = Literal["train", "validation", "test", "all"]


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedSet(TorchvisionSet):
    """A set that torchvision's class of it reads.

    Attributes:
        parts: What the class is given for each part; ``all`` alone where the set has no test part: then a
            fixed stratified fifth becomes it.
        signs: Files and folders by which it is found.
        form: Whether an item is an image file, a row of one array, or only to be had by asking for it.
        first_label: The label that becomes 0.
        fetched: Whether torchvision downloads it.
    """

    parts: Mapping[NamedPart, Mapping[str, Any]]
    signs: tuple[str, ...]
    form: Literal["files", "arrays", "items"]
    first_label: int = 0
    fetched: bool = True

    @property
    def stored_as(self) -> str:
        """One folder for all splits of a set."""
        return f"torchvision-{self.kind}"

    @property
    def downloads(self) -> bool:
        """Whether torchvision still can."""
        return self.fetched

    @property
    def advice(self) -> tuple[str | Named, ...]:
        """Where to put it."""
        return f"put {' and '.join(self.signs)}, as torchvision has them, into ", Named("data_dir")

    def find(self, place: Path) -> Path | None:
        """The place itself, where all signs are in it."""
        return with_all(place, *self.signs)

    def download(self, folder: Path) -> None:
        """Have torchvision fetch and unpack every part."""
        for options in self.parts.values():
            self._make(folder, **{**options, "download": True})

    def without_validation(self) -> Self:
        """Leave its own validation part out, as if nobody had it."""
        return replace(self, parts={part: self.parts[part] for part in self.parts if part != "validation"})

    def read(self, folder: Path, part: Part) -> Raw:
        """Read one part; its own validation images, if it has some, belong to ``train``."""
        if "all" in self.parts:
            return self._share(self._part(folder, "all"), part)
        found = self._part(folder, part)
        if part == "test" or "validation" not in self.parts:
            return found
        return self._joined(found, self._part(folder, "validation"))

    def test_listing(self, folder: Path) -> Listing | None:
        """The files of the test part, where its images are files."""
        if self.form != "files":
            return None
        raw = self.read(folder, "test")
        return raw.listing(torch.arange(len(raw.labels)))

    def test_content(self, folder: Path) -> str:
        """That of the test part's array, where it is one."""
        if self.form != "arrays":
            return ""
        images, labels = self._rows(folder, "all" if "all" in self.parts else "test")
        if "all" in self.parts:
            chosen = fixed_share(labels, "test")
            images, labels = images[chosen], labels[chosen]
        return digest_of_arrays([images, labels])

    def _share(self, raw: Raw, part: Part) -> Raw:
        chosen = fixed_share(raw.labels, part)
        if raw.files:
            return of_files(
                self.name, raw.labels[chosen], [raw.files[i] for i in chosen.tolist()], raw.folder
            )
        return replace(
            raw, labels=raw.labels[chosen], take=lambda indices, size: raw.take(chosen[indices], size)
        )

    def _joined(self, train: Raw, validation: Raw) -> Raw:
        """Two parts as one, of which the second validates."""
        first, labels = len(train.labels), torch.cat([train.labels, validation.labels])
        last = torch.arange(first, len(labels))
        if train.files:
            files = train.files + validation.files
            return replace(of_files(self.name, labels, files, train.folder), validation=last)

        def take(indices: Tensor, size: int) -> Tensor:
            of_train = indices < first
            found = torch.empty(0, dtype=torch.uint8)
            for raw, mine, start in ((train, of_train, 0), (validation, ~of_train, first)):
                if mine.any():
                    images = raw.take(indices[mine] - start, size)
                    found = found if len(found) else images.new_empty(len(indices), *images.shape[1:])
                    found[mine] = images
            return found

        contents = [raw.content for raw in (train, validation) if raw.content is not None]
        return Raw(labels, take, validation=last, content=lambda: " ".join(content() for content in contents))

    def _part(self, folder: Path, part: NamedPart) -> Raw:
        if self.form == "arrays":
            return from_arrays(*self._rows(folder, part))
        found = self._listed(folder, part) if self.form == "files" else None
        return self._of_items(folder, part) if found is None else self._of_files(folder, found)

    def _rows(self, folder: Path, part: NamedPart) -> tuple[Tensor, Tensor]:
        """Images of uint8 (n, channels, size, size), and labels of int64 (n,)."""
        found = self._set(folder, part)
        images = torch.as_tensor(np.asarray(found.data))
        labels = self._labels(found.targets if hasattr(found, "targets") else found.labels)
        return images.unsqueeze(1) if images.ndim == 3 else images, labels

    def _listed(self, folder: Path, part: NamedPart) -> list[FileAndLabel] | None:
        """The files in the order of their names; None where torchvision does not say where they lie."""
        if self.kind in WITHOUT_LOADER:
            found = files_of(self._set(folder, part))
        else:
            items = self._set(folder, part, loader=Path)
            found = [items[i] for i in range(len(items))]
        return None if found is None else sorted(found)

    def _of_files(self, folder: Path, found: list[FileAndLabel]) -> Raw:
        labels = self._labels([label for _, label in found])
        return of_files(self.name, labels, [file.relative_to(folder).as_posix() for file, _ in found], folder)

    def _of_items(self, folder: Path, part: NamedPart) -> Raw:
        items, mode = self._set(folder, part), "L" if self.in_channels == 1 else "RGB"
        labels = self._labels([items[i][1] for i in range(len(items))])

        def take(indices: Tensor, size: int) -> Tensor:
            return torch.stack([square(eight_bits(items[i][0]), size, mode) for i in indices.tolist()])

        return Raw(labels, take, content=lambda: states_of(folder / sign for sign in self.signs))

    def _labels(self, labels: Any) -> Tensor:
        """The labels from 0, int64 (n,); of several an image the first."""
        try:
            found = torch.as_tensor(np.asarray(labels), dtype=torch.int64) - self.first_label
        except TypeError:
            raise InputError("has images without labels", setting="dataset", value=self.name) from None
        found = found if found.ndim == 1 else found[:, 0]
        if len(found) == 0 or int(found.min()) < 0 or int(found.max()) >= self.num_classes:
            problem = f"its labels are not {self.num_classes} whole numbers from {self.first_label}"
            raise InputError(problem, setting="dataset", value=self.name)
        return found

    def _set(self, folder: Path, part: NamedPart, **more: Any) -> Any:
        return self._opened(folder / self.signs[0], folder, **self.parts[part], **more)

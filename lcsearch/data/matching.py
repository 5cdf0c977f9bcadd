"""Which image of a data set is which of a recorded one."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lcsearch.data.changes import SEEN
from lcsearch.data.dataset import Listing, Raw
from lcsearch.data.digest import ImageLine, image_digests
from lcsearch.data.division import Division

_CHUNK = 4096


@dataclass
class Match:
    """The recorded images of training and validation that may be there, and how many others are not.

    Attributes:
        lines: The recorded images that may be there.
        places: Where each is now.
        sizes: Bytes of the file of each now, by the recorded name.
        came: Images that were not recorded.
        went: Recorded images that are gone, by part.
        changed: Recorded images of another label or size, by part.
        renamed: Recorded images that are in files of other names, by part.
        unseen: The files that unused images and test images are in now.
        homeless: Recorded images that are not in the files of their names.
        free: Label and size of the files that are no recorded image, by name.
    """

    lines: list[ImageLine] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    came: int = 0
    went: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    renamed: Counter[str] = field(default_factory=Counter)
    unseen: dict[ImageLine, str] = field(default_factory=dict)
    homeless: list[ImageLine] = field(default_factory=list)
    free: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def sizes_are_equal(self) -> bool:
        """Whether the images are files, each of as many bytes as then."""
        return all(0 < line.size == self.sizes.get(line.name) for line in self.lines)

    def add(self, line: ImageLine, place: int, size: int = 0) -> None:
        """Take an image for the recorded one."""
        self.lines.append(line)
        self.places.append(place)
        self.sizes[line.name] = size


def by_name(division: Division, whole: Raw, lines: Sequence[ImageLine]) -> Match:
    """Match images that are files. Their pixels may still be others: `find_renamed` looks at that.

    Args:
        division: The data set as it is now.
        whole: All images that may be trained on or validated on.
        lines: The recorded images.
    """
    now = dict[str, tuple[int, int]]()
    for listing in division.listings().values():
        now |= _by_name(listing)
    places = {name: place for place, name in enumerate(whole.files)}
    match, recorded = Match(), {line.name for line in lines}
    match.free = {name: known for name, known in now.items() if name not in recorded}
    for line in lines:
        label, size = now.get(line.name, (None, 0))
        if label is None or (line.part in SEEN and line.name not in places):
            match.homeless.append(line)
        elif label != line.label:
            match.changed[line.part] += 1
        elif line.part in SEEN:
            match.add(line, places[line.name], size)
        elif size == line.size:
            match.unseen[line] = line.name
        else:
            match.homeless.append(line)
            match.free[line.name] = (label, size)
    return match


def by_pixels(division: Division, whole: Raw, lines: Sequence[ImageLine]) -> Match:
    """Match images that are no files, by labels and pixels: an array that lost one has shifted all others.

    Args:
        division: The data set as it is now.
        whole: All images that may be trained on or validated on.
        lines: The recorded images.
    """
    there = defaultdict[tuple[int, str], deque[int]](deque)
    every = torch.arange(len(whole.labels))
    for place, (label, pixels) in enumerate(
        zip(whole.labels.tolist(), digests_at(division, whole, every), strict=True)
    ):
        there[label, pixels].append(place)
    match, missing = Match(), list[ImageLine]()
    for line in (line for line in lines if line.part in SEEN):
        same = there[line.label, line.pixels]
        if same:
            match.add(line, same.popleft())
        else:
            missing.append(line)
    free = {str(place) for places in there.values() for place in places}
    for line in missing:
        kind = match.changed if line.name in free else match.went
        kind[line.part] += 1
        free.discard(line.name)
    _count_unused(match, len(free), sum(line.part == "unused" for line in lines))
    _count_test(match, division.data_set.test_listing(division.folder), lines)
    return match


def digests_at(division: Division, whole: Raw, places: Tensor) -> list[str]:
    """Digests of the pixels of images at int64 places (k,), of which few are decoded at a time."""
    found = list[str]()
    for some in places.split(_CHUNK):
        found += image_digests(whole.take(some, division.size)) if len(some) else []
    return found


def recorded_test_images(raw: Raw, lines: Iterable[ImageLine], files: Mapping[ImageLine, str]) -> list[int]:
    """Places of the recorded test images that are still as they were.

    Where the test part does not list its labels, none is recorded: then all of it counts.

    Args:
        raw: The test part, or all images where the data set divides them itself.
        lines: The recorded images.
        files: The files that recorded images are in now; where images are no files their labels tell.
    """
    test = [line for line in lines if line.part == "test"]
    if not test:
        return list(range(len(raw.labels)))
    if not raw.files:
        labels = dict(enumerate(raw.labels.tolist()))
        places = [(int(line.name), line.label) for line in test if int(line.name) in labels]
        return [place for place, label in places if label in (-1, labels[place])]
    place_of = {name: place for place, name in enumerate(raw.files)}
    return [place_of[files[line]] for line in test if line in files]


def _by_name(listing: Listing) -> dict[str, tuple[int, int]]:
    columns = zip(listing.names, listing.labels, listing.sizes, strict=True)
    return {name: (label, size) for name, label, size in columns}


def _count_unused(match: Match, now: int, then: int) -> None:
    match.came += max(0, now - then)
    if now < then:
        match.went["unused"] += then - now


def _count_test(match: Match, test: Listing | None, lines: Sequence[ImageLine]) -> None:
    """Test images are known by their places: what else there is of them are pixels."""
    then = [line.label for line in lines if line.part == "test"]
    if test is None or not then:
        return
    match.came += max(0, len(test.labels) - len(then))
    gone = max(0, len(then) - len(test.labels))
    others = sum(old != new for old, new in zip(then, test.labels, strict=False))
    match.went += Counter({"test": gone})
    match.changed += Counter({"test": others})

"""Which image of a data set is which of a recorded one."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

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
        sizes: Bytes of the file of each now.
        came: Images that were not recorded.
        went: Recorded images that are gone, by part.
        changed: Recorded images of another label or size, by part.
    """

    lines: list[ImageLine] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    came: int = 0
    went: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    @property
    def sizes_are_equal(self) -> bool:
        """Whether the images are files, each of as many bytes as then."""
        return all(0 < line.size == size for line, size in zip(self.lines, self.sizes, strict=True))

    def add(self, line: ImageLine, place: int, size: int = 0) -> None:
        """Take an image for the recorded one."""
        self.lines.append(line)
        self.places.append(place)
        self.sizes.append(size)


def by_name(division: Division, whole: Raw, lines: Sequence[ImageLine]) -> Match:
    """Match images that are files. Their pixels may still be others: that is for the caller to look at.

    Args:
        division: The data set as it is now.
        whole: All images that may be trained on or validated on.
        lines: The recorded images.
    """
    now = dict[str, tuple[int, int]]()
    for listing in division.listings().values():
        now |= _by_name(listing)
    places = {name: place for place, name in enumerate(whole.files)}
    match = Match(came=len(now.keys() - {line.name for line in lines}))
    for line in lines:
        label, size = now.get(line.name, (None, 0))
        if label is None or (line.part in SEEN and line.name not in places):
            match.went[line.part] += 1
        elif label != line.label or (line.part not in SEEN and size != line.size):
            match.changed[line.part] += 1
        elif line.part in SEEN:
            match.add(line, places[line.name], size)
    return match


def by_pixels(division: Division, whole: Raw, lines: Sequence[ImageLine]) -> Match:
    """Match images that are no files, by labels and pixels: an array that lost one has shifted all others.

    Args:
        division: The data set as it is now.
        whole: All images that may be trained on or validated on.
        lines: The recorded images.
    """
    there = defaultdict[tuple[int, str], deque[int]](deque)
    for place, (label, pixels) in enumerate(
        zip(whole.labels.tolist(), _digests(division, whole), strict=True)
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


def recorded_test_images(raw: Raw, lines: Iterable[ImageLine]) -> list[int]:
    """Places of the recorded test images that are still there, by their names and labels.

    Where the test part does not list its labels, none is recorded: then all of it counts.

    Args:
        raw: The test part, or all images where the data set divides them itself.
        lines: The recorded images.
    """
    names = raw.files or tuple(map(str, range(len(raw.labels))))
    places = {name: place for place, name in enumerate(names)}
    test = [line for line in lines if line.part == "test"]
    if not test:
        return list(range(len(raw.labels)))
    found = [(places[line.name], line.label) for line in test if line.name in places]
    return [place for place, label in found if label in (-1, int(raw.labels[place]))]


def _by_name(listing: Listing) -> dict[str, tuple[int, int]]:
    columns = zip(listing.names, listing.labels, listing.sizes, strict=True)
    return {name: (label, size) for name, label, size in columns}


def _digests(division: Division, whole: Raw) -> list[str]:
    found = list[str]()
    for places in torch.arange(len(whole.labels)).split(_CHUNK):
        found += image_digests(whole.take(places, division.size))
    return found


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

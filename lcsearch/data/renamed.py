"""Recorded images that are in files of other names now."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

import torch

from lcsearch.data.changes import SEEN
from lcsearch.data.dataset import Raw
from lcsearch.data.digest import ImageLine
from lcsearch.data.division import Division
from lcsearch.data.matching import Match, digests_at

_Kind = tuple[int, int, bool]
"""What is known of an image without its pixels: label, bytes of its file, whether it may be trained on."""


def find_renamed(
    match: Match, pixels: Sequence[str], division: Division, whole: Raw, lines: Sequence[ImageLine]
) -> None:
    """Match what is left over after images were matched by their names, and count what became of the rest.

    Images of training and validation are known by labels and pixels, in whatever file they are now: one that
    was trained on must not be taken for another. Others are known by labels and sizes alone.

    Args:
        match: The images by their names; it is completed.
        pixels: Digest of the pixels that each of its images has now.
        division: The data set as it is now.
        whole: All images that may be trained on or validated on.
        lines: The recorded images.
    """
    own = dict(zip(match.lines, match.places, strict=True))
    others = [line for line, found in zip(match.lines, pixels, strict=True) if line.pixels != found]
    elsewhere = not {line.pixels for line in others}.isdisjoint(pixels)
    if elsewhere or match.homeless or match.free or len(others) < len(own):
        for line in others:
            match.free[line.name] = (int(whole.labels[own.pop(line)]), match.sizes[line.name])
            match.homeless.append(line)
        own |= _seen_elsewhere(match, division, whole)
        _match_unseen(match, whole, in_whole=whole is not division.train.raw)
    own |= _left_over(match, whole)
    match.came = len(match.free)
    match.lines = [line for line in lines if line in own]
    match.places = [own[line] for line in match.lines]


def _left_over(match: Match, whole: Raw) -> dict[ImageLine, int]:
    """Count images that are nowhere; those that only have other pixels stay: the caller says so."""
    places = {name: place for place, name in enumerate(whole.files)}
    stay = {}
    for line in match.homeless:
        if match.free.pop(line.name, None) is None:
            match.went[line.part] += 1
        elif line.part in SEEN:
            stay[line] = places[line.name]
        else:
            match.changed[line.part] += 1
    return stay


def _seen_elsewhere(match: Match, division: Division, whole: Raw) -> dict[ImageLine, int]:
    """Find images of training and validation whose own name is gone, or is another image's now.

    Files that have the names of other images are looked at too, if they are as large as one that is sought.
    """
    sought = [line for line in match.homeless if line.part in SEEN]
    sizes = {line.size for line in sought}  # renaming leaves them
    under = {name: line for line, name in match.unseen.items()}
    known = match.free | {name: (line.label, line.size) for name, line in under.items()}
    new = [i for i, name in enumerate(whole.files) if known.get(name, (0, -1))[1] in sizes]
    found = digests_at(division, whole, torch.tensor(new, dtype=torch.int64))
    there = defaultdict[tuple[int, str], deque[int]](deque)
    for place, image in zip(new, found, strict=True):
        there[int(whole.labels[place]), image].append(place)
    at = {line: same.popleft() for line in sought if (same := there[line.label, line.pixels])}
    for line, place in at.items():
        name = whole.files[place]
        match.free.pop(name, None)
        if name in under:
            match.homeless.append(under[name])
            del match.unseen[under[name]]
        match.renamed[line.part] += 1
    match.homeless = [line for line in match.homeless if line not in at]
    return at


def _match_unseen(match: Match, whole: Raw, *, in_whole: bool) -> None:
    """Match unused images and test images that are gone with files that are no recorded image.

    A file of the size of a training or validation image that is gone might be that image, changed or
    relabelled: it must not become a test image. Where more files came than went, new ones are among them; and
    where images of a label came that are nobody's, while others are gone, any of its files may be a new one.

    Args:
        match: It is completed.
        whole: All images that may be trained on or validated on.
        in_whole: Whether test images are among these.
    """
    seen = {line.size for line in match.homeless if line.part in SEEN}
    gone, free = defaultdict[_Kind, list[ImageLine]](list), defaultdict[_Kind, list[str]](list)
    for line in match.homeless:
        if line.part not in SEEN and line.size not in seen:
            gone[line.label, line.size, in_whole or line.part != "test"].append(line)
    files = set(whole.files)
    for name, (label, size) in match.free.items():
        free[label, size, name in files].append(name)
    came = {_group(kind) for kind, names in free.items() if len(names) > len(gone.get(kind, ()))}
    went = {_group(kind) for kind, those in gone.items() if len(those) > len(free.get(kind, ()))}
    found = dict[ImageLine, str]()
    for kind, those in gone.items():
        if len(free[kind]) <= len(those) and _group(kind) not in came & went:
            # The order of names mostly outlives renaming.
            found |= zip(sorted(those, key=lambda line: line.name), sorted(free[kind]), strict=False)
    match.homeless = [line for line in match.homeless if line not in found]
    match.unseen |= found
    for line, name in found.items():
        del match.free[name]
        match.renamed[line.part] += 1


def _group(kind: _Kind) -> tuple[int, bool]:
    """A kind of whatever size."""
    label, _, trainable = kind
    return label, trainable

"""The recorded split of a data set that has changed since: which of its images are still as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lcsearch.core.data_digest import DataDigest
from lcsearch.data.changes import SEEN, Changes
from lcsearch.data.dataset import DatasetInfo, Raw, SearchData, Split
from lcsearch.data.digest import ImageLine, image_digests
from lcsearch.data.division import Division
from lcsearch.data.matching import Match, by_name, by_pixels
from lcsearch.data.renamed import find_renamed
from lcsearch.data.split import check_memory


@dataclass(frozen=True, eq=False)
class OldSplit:
    """What is left of a recorded split.

    Attributes:
        data: The images that are still there as they were, in the recorded parts and order.
        changes: What became of the others.
    """

    data: SearchData
    changes: Changes


def old_split(division: Division, lines: Sequence[ImageLine], recorded: DataDigest) -> OldSplit:
    """Find the images of a recorded split again.

    Images that are files are known by their names, then, as others, by their pixels, wherever they are now.
    Of test images a file is decoded only where it may be one of training or validation that is gone.

    Args:
        division: The data set as it is now, however it would be divided now.
        lines: A line for each recorded image.
        recorded: The digest that was recorded.

    Raises:
        InputError: A file is damaged.
        OSError: A file went away meanwhile.
    """
    whole = division.whole()
    match, images = match_images(division, whole, lines)
    labels = whole.labels[torch.tensor(match.places, dtype=torch.int64)]
    then = Counter(line.part for line in lines)
    same = [line.pixels == pixels for line, pixels in zip(match.lines, image_digests(images), strict=True)]
    other_decoder = _only_decoded_otherwise(match, then, same)
    kept = [True] * len(same) if other_decoder else same
    parts = {}
    for part in SEEN:
        chosen = [i for i, line in enumerate(match.lines) if line.part == part and kept[i]]
        parts[part] = Split(images[chosen], labels[chosen])
    other = Counter(line.part for line, still in zip(match.lines, same, strict=True) if not still)
    info = division.data_set.info(division.size)
    changes = Changes(
        came=match.came,
        went=match.went,
        changed=match.changed + other,
        renamed=match.renamed,
        kept={part: len(split) for part, split in parts.items()},
        recorded=then,
        classes=(info.num_classes, recorded.num_classes),
        other_decoder=other_decoder,
        other_test=recorded.has_other_test(division.test_content()),
    )
    return OldSplit(SearchData(_as_recorded(info, recorded), parts["train"], parts["validation"]), changes)


def match_images(division: Division, whole: Raw, lines: Sequence[ImageLine]) -> tuple[Match, Tensor]:
    """Match images with recorded ones; errors are those of `old_split`.

    Args:
        division: The data set as it is now.
        whole: All images that may be trained on or validated on.
        lines: The recorded images.

    Returns:
        The match, and its images, uint8 (k, channels, size, size).
    """
    if not whole.files:
        match = by_pixels(division, whole, lines)
        return match, _taken(division, whole, match)
    match = by_name(division, whole, lines)
    at = match.places
    images = _taken(division, whole, match)
    find_renamed(match, image_digests(images), division, whole, lines)
    if match.places != at:
        images = _taken(division, whole, match)
    return match, images


def _taken(division: Division, whole: Raw, match: Match) -> Tensor:
    """The images of a match, in memory."""
    check_memory(division.data_set, len(match.places), division.size)
    return whole.take(torch.tensor(match.places, dtype=torch.int64), division.size)


def test_files(division: Division, lines: Sequence[ImageLine]) -> Mapping[ImageLine, str]:
    """The files that recorded test images are in now, of those that are as they were."""
    whole = division.whole()
    if not whole.files:
        return {}
    # A training image may be under the name of a test image now.
    return match_images(division, whole, lines)[0].unseen


def _as_recorded(info: DatasetInfo, recorded: DataDigest) -> DatasetInfo:
    """The data set with the classes and the normalisation that were recorded."""
    return replace(
        info,
        num_classes=recorded.num_classes,
        mean=tuple(recorded.mean),
        std=tuple(recorded.std),
        classes=info.classes if info.num_classes == recorded.num_classes else (),
    )


def _only_decoded_otherwise(match: Match, then: Counter[str], same: Sequence[bool]) -> bool:
    """Whether nothing but every decoded pixel differs: another version of Pillow, and no other image."""
    untouched = not (match.came or match.went or match.changed or match.renamed) and match.sizes_are_equal
    return untouched and len(same) == sum(then[part] for part in SEEN) and not any(same)

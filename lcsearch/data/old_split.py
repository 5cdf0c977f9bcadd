"""The recorded split of a data set that has changed since: which of its images are still as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from lcsearch.core.data_digest import DataDigest
from lcsearch.data.changes import SEEN, Changes
from lcsearch.data.dataset import SearchData, Split
from lcsearch.data.digest import ImageLine, image_digests
from lcsearch.data.division import Division
from lcsearch.data.matching import Match, by_name, by_pixels


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
    """Find the images of a recorded split again; no pixel of the test part is looked at.

    Images that are files are known by their names, others by their pixels, wherever they are now.

    Args:
        division: The data set as it is now, however it would be divided now.
        lines: A line for each recorded image.
        recorded: The digest that was recorded.

    Raises:
        InputError: A file is damaged.
        OSError: A file went away meanwhile.
    """
    whole = division.whole()
    match = by_name(division, whole, lines) if whole.files else by_pixels(division, whole, lines)
    places = torch.tensor(match.places, dtype=torch.int64)
    images, labels = whole.take(places, division.size), whole.labels[places]
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
        kept={part: len(split) for part, split in parts.items()},
        recorded=then,
        classes=(info.num_classes, recorded.num_classes),
        other_decoder=other_decoder,
    )
    info = replace(info, num_classes=recorded.num_classes, mean=tuple(recorded.mean), std=tuple(recorded.std))
    return OldSplit(SearchData(info, parts["train"], parts["validation"]), changes)


def _only_decoded_otherwise(match: Match, then: Counter[str], same: Sequence[bool]) -> bool:
    """Whether nothing but every decoded pixel differs: another version of Pillow, and no other image."""
    untouched = not (match.came or match.went or match.changed) and match.sizes_are_equal
    return untouched and len(same) == sum(then[part] for part in SEEN) and not any(same)

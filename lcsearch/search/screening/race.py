"""Which candidates are looked at closely: those that can still come out ahead of the best so far.

One after the other, the most promising first, on more and more of the same images. A share of right answers
on n of N images is off that on all N by a standard deviation of √(p (1 - p) (1/n - 1/N)), as of draws without
replacement: a candidate that would be behind even with twice that on top is left where it is. Before any
image it is given what the net reaches that it is cut out of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from lcsearch.search.samplers import Promise

DEVIATIONS = 2.0
"""How many standard deviations a candidate may turn out better than it looks."""
SHARES = (0.25, 0.5, 1.0)
"""Parts of the images after which it is decided whether a candidate goes on."""


class Entrant(Protocol):
    """A candidate that is looked at.

    Attributes:
        most: The accuracy that it can have at most, in percent.
    """

    most: float

    def accuracy(self, images: int) -> float:
        """Its accuracy on so many first images, in percent."""


def race(entrants: Sequence[Entrant | None], promise: Promise, images: int) -> list[float | None]:
    """Look at candidates until it is known which one promises most.

    Args:
        entrants: The candidates, the most promising first; None for one that trains from scratch.
        promise: What each promises, given the accuracy of each.
        images: How many there are.

    Returns:
        For each the accuracy that it was left with, in percent: on all images, or an estimate of it with
        which it is behind, or what it can have at most; None for one that trains from scratch.
    """
    found: list[float | None] = [None if one is None else one.most for one in entrants]
    best = -math.inf
    for place, entrant in enumerate(entrants):
        if entrant is not None and promise(found)[place] >= best:
            for count in _counts(images):
                accuracy = entrant.accuracy(count)
                found[place] = min(entrant.most, accuracy + DEVIATIONS * _deviation(accuracy, count, images))
                if promise(found)[place] < best:
                    break
                found[place] = accuracy
            else:
                best = max(best, promise(found)[place])
        elif entrant is None:
            best = max(best, promise(found)[place])
    return found


def _counts(images: int) -> list[int]:
    """Numbers of images after which it is decided, rising, the last one all."""
    return sorted({max(1, round(share * images)) for share in SHARES})


def _deviation(accuracy: float, count: int, images: int) -> float:
    """In points, of an accuracy on some images from that on all; as if one more were right, and one wrong."""
    right = (accuracy / 100 * count + 1) / (count + 2)
    return 100 * math.sqrt(right * (1 - right) * (1 / count - 1 / images))

"""Which candidates are looked at closely: those that can still come out ahead of the best so far.

The most promising first, on more and more of the same images. A share of right answers on n of N images is
off that on all N by a standard deviation of √(p (1 - p) (1/n - 1/N)), as of draws without replacement: a
candidate that would be behind even with twice that on top is left where it is. Before any image it is given
what the net reaches that it is cut out of. All is a function of what is known, so that it does not matter who
looks, and how many at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lcsearch.search.samplers import Promise

DEVIATIONS = 2.0
"""How many standard deviations a candidate may turn out better than it looks."""
SHARES = (0.25, 0.5, 1.0)
"""Parts of the images after which it is decided whether a candidate goes on."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a candidate.

    Attributes:
        scratch: Whether it trains from scratch: it is not looked at, and competes without an accuracy.
        most: The accuracy in percent that it is given at most before all images have judged it: that of what
            it is cut out of, or 0 where it cannot be cut out.
        images: How many have judged it.
        accuracy: On these, in percent.
    """

    scratch: bool = False
    most: float = 100.0
    images: int = 0
    accuracy: float = 0.0

    def at_best(self, images: int) -> float | None:
        """The accuracy that it may have on so many images in all; None for one from scratch."""
        if self.scratch:
            return None
        if not self.images:
            return self.most
        return min(self.most, self.accuracy + DEVIATIONS * _deviation(self.accuracy, self.images, images))


@dataclass(frozen=True, slots=True)
class Standing:
    """How candidates stand.

    Attributes:
        accuracies: Of each, in percent: on all images, or an estimate of it with which it is behind, or what
            it can have at most; None for one that trains from scratch.
        wanted: Places of those that can still come out ahead, and that not all images have judged.
    """

    accuracies: tuple[float | None, ...]
    wanted: tuple[int, ...]


def stand(known: Sequence[Known], promise: Promise, images: int) -> Standing:
    """Say who can still come out ahead.

    Who was judged by all images counts for all others; who trains from scratch for those behind it alone, as
    it was not more promising than those before.

    Args:
        known: What is known of the candidates, the most promising first.
        promise: What each promises, given the accuracy of each.
        images: How many there are.
    """
    accuracies = [one.at_best(images) for one in known]
    hoped = promise(accuracies)
    seen = [one.accuracy if not one.scratch and one.images >= images else None for one in known]
    reached = promise(seen)
    before, best, bars = -math.inf, -math.inf, []
    for place, own in enumerate(seen):
        bars.append(before)
        if known[place].scratch:
            before = max(before, reached[place])
        elif own is not None and hoped[place] >= max(before, best):
            accuracies[place], best = own, max(best, reached[place])
    open_ = (place for place, one in enumerate(known) if not one.scratch and seen[place] is None)
    return Standing(
        tuple(accuracies), tuple(place for place in open_ if hoped[place] >= max(bars[place], best))
    )


def counts_of(images: int) -> tuple[int, ...]:
    """Numbers of images after which it is decided, rising, the last one all."""
    return tuple(sorted({max(1, round(share * images)) for share in SHARES}))


def _deviation(accuracy: float, count: int, images: int) -> float:
    """In points, of an accuracy on some images from that on all; as if one more were right, and one wrong."""
    right = (accuracy / 100 * count + 1) / (count + 2)
    return 100 * math.sqrt(right * (1 - right) * (1 / count - 1 / images))

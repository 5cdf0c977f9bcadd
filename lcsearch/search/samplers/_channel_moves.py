"""Moves of channels: of one choice, of all by one factor, of two parents, and in a known good shape."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable

import numpy as np

from lcsearch.layers.offer import nudge
from lcsearch.search.space.thin_sizes import Kept
from lcsearch.search.space.thinning import ChannelChoice, Thinning


class ChannelMoves:
    """Moves over the choices of channels of a space.

    Args:
        thinning: What the space lets go.
        rng: Makes every choice.
    """

    def __init__(self, thinning: Thinning, rng: np.random.Generator) -> None:
        self._choices, self._most, self._rng = thinning.choices, thinning.most, rng

    def nudged(self, kept: Kept, index: int) -> Kept:
        """One choice a small step away: at least to the next count that it may have."""
        choice, factor = self._choices[index], nudge(self._rng)
        found = _with(kept, choice, _share(choice, kept) * factor)
        return found if found != kept else _with(kept, choice, _next(choice, kept, factor > 1))

    def scaled(self, kept: Kept, factor: float, fixed: Collection[int]) -> Kept:
        """Every choice that is not fixed keeps so many times as much, as near as it may."""
        found = list(kept)
        for index, choice in enumerate(self._choices):
            if index not in fixed:
                _set(found, choice, _share(choice, kept) * factor)
        return tuple(found)

    def mixed(self, first: Kept, second: Kept, from_first: Iterable[bool]) -> Kept:
        """Of each choice the counts of one of two parents."""
        found = list(first)
        for choice, own in zip(self._choices, from_first, strict=True):
            for place in choice.members:
                found[place] = first[place] if own else second[place]
        return tuple(found)

    def shaped(self) -> Kept:
        """All thinned about alike, the wide ones most: good beside mild cuts of the layers.

        How much, and how much more the widest, is drawn at random.
        """
        count = len(self._choices)
        if not count:
            return self._most
        wide = np.log([choice.sizes[0] for choice in self._choices])
        span = float(np.ptp(wide))
        place = (wide - wide.min()) / span if span else np.ones(count)
        slope = -self._rng.uniform(0.0, 1.0) * place
        logs = -self._rng.uniform(0.0, 1.2) + slope + 0.15 * self._rng.standard_normal(count)
        kept, shares = list(self._most), np.exp(np.minimum(logs, 0.0)).tolist()
        for choice, share in zip(self._choices, shares, strict=True):
            _set(kept, choice, share)
        return tuple(kept)


def _share(choice: ChannelChoice, kept: Kept) -> float:
    return kept[choice.members[0]] / choice.sizes[0]


def _next(choice: ChannelChoice, kept: Kept, up: bool) -> float:
    """The share of the next count of the first member."""
    counts = choice.counts[0]
    place = bisect_left(counts, kept[choice.members[0]]) + (1 if up else -1)
    return counts[min(max(place, 0), len(counts) - 1)] / choice.sizes[0]


def _with(kept: Kept, choice: ChannelChoice, share: float) -> Kept:
    """The counts where one choice keeps a share, or the nearest that it may."""
    found = list(kept)
    _set(found, choice, share)
    return tuple(found)


def _set(kept: list[int], choice: ChannelChoice, share: float) -> None:
    for place, count in zip(choice.members, choice.at(choice.number.clip(share)), strict=True):
        kept[place] = count

"""Groups of channels that are thinned alike, so that layers that share filters keep one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lcsearch.core.ranges import Share
from lcsearch.search.space.bonds import find_bonds
from lcsearch.search.space.schema import Space
from lcsearch.search.space.thin_sizes import ThinSizes


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a group may keep.

    Attributes:
        channels: The shares.
        counts: The numbers of channels, rising.
    """

    channels: Share
    counts: tuple[int, ...]


def tied(space: Space, sizes: ThinSizes) -> list[list[int]]:
    """Places of groups that must be thinned alike for all layers to share that may.

    Those are groups that layers of one set make, and such that they read.
    """
    found: dict[int, set[int]] = {}
    bonds = find_bonds(space, sizes.shapes(sizes.full), lambda _: True).found
    for names in (names for bond in bonds for own in bond.sets.values() for names in own):
        for dims in zip(*(sizes.around(name) for name in names), strict=True):  # made, then read
            for lying in zip(*dims, strict=False):
                home = {one for place, _ in lying for one in found.get(place, {place})}
                found |= dict.fromkeys(home, home)
    different = {id(home): home for home in found.values()}
    return [sorted(home) for home in different.values() if len(home) > 1]


def thinned_alike(
    rules: Sequence[Allowed], classes: Sequence[Sequence[int]]
) -> tuple[list[Allowed], dict[int, int]]:
    """What groups may keep where some are thinned alike: what all of these may.

    Args:
        rules: What each may keep by itself.
        classes: Places of those that are to be alike. One that keeps all is left out of its class, and a
            class whose groups have nothing in common is left as it is.

    Returns:
        What each may keep, and the place of each group of a class to that of its first.
    """
    found, firsts = list(rules), dict[int, int]()
    for places in ([place for place in own if len(rules[place].counts) > 1] for own in classes):
        counts = set.intersection(*(set(rules[place].counts) for place in places)) if places else set()
        if len(places) > 1 and len(counts) > 1:
            shares = [rules[place].channels for place in places]
            low, high = max(one.low for one in shares), min(one.high for one in shares)
            common = Share(low=low, high=high, log=any(one.log for one in shares))
            for place in places:
                found[place] = Allowed(common, tuple(sorted(counts)))
            firsts |= dict.fromkeys(places, places[0])
    return found, firsts

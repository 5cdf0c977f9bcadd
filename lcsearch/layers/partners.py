"""Which layers can be of a family only together with others. Plain data."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple

Sets = Mapping[str, tuple[tuple[str, ...], ...]]
"""By a word for how layers share: the names of those that do, set by set, each name once."""


class Partners(NamedTuple):
    """Who may share with whom.

    Attributes:
        sets: All ways to share.
        left: Why each other layer has nobody to share with, in words.
        apart: Whether layers that have partners may also do without.
    """

    sets: Sets
    left: Mapping[str, str]
    apart: bool


def divided(sets: Sets, key: Callable[[str], Hashable]) -> Sets:
    """The sets, each divided into those of one key; without layers of key None, and those left alone.

    Args:
        sets: Who is with whom.
        key: Of a layer's name.
    """
    found = dict[str, tuple[tuple[str, ...], ...]]()
    for way, own in sets.items():
        parts = [part for names in own for part in _parts(names, key) if len(part) > 1]
        if parts:
            found[way] = tuple(parts)
    return found


def _parts(names: tuple[str, ...], key: Callable[[str], Hashable]) -> list[tuple[str, ...]]:
    found: dict[Hashable, list[str]] = {}
    for name in names:
        if (own := key(name)) is not None:
            found.setdefault(own, []).append(name)
    return [tuple(part) for part in found.values()]


def joined(sets: Sets) -> list[Sets]:
    """The sets that some layer is in two of, by different ways, together; by their first layers."""
    homes: dict[str, set[str]] = {}
    for names in (names for own in sets.values() for names in own):
        home = {name for one in names for name in homes.get(one, {one})}
        homes |= dict.fromkeys(home, home)
    different = {id(home): home for home in homes.values()}
    return [
        {way: kept for way, own in sets.items() if (kept := tuple(one for one in own if one[0] in home))}
        for home in different.values()
    ]


def members(sets: Sets) -> set[str]:
    """All layers of some sets."""
    return {name for own in sets.values() for names in own for name in names}

"""Moves of one choice over layers: nudged, of another family, or mixed from two.

What a move means says the layers' family (``lcsearch.layers.offer``). Where layers choose together or each
for itself (``lcsearch.search.space.joint``), moves go on into the choices of each.
"""

from __future__ import annotations

import math

import numpy as np

from lcsearch.search.samplers._draw import one_of
from lcsearch.search.samplers._genes import Gene
from lcsearch.search.space.groups import PLAIN, Group, Pick
from lcsearch.search.space.joint import APART, Joint
from lcsearch.search.space.thin_sizes import Kept

TRIES = 4
"""Times that a size is aimed for."""
NEAR = 0.01
"""How near a size must be, as a logarithm."""
_UNEVEN = 0.3
"""Standard deviation of the logarithm of the shares that layers keep which choose each for itself."""


class LayerMoves:
    """Moves of single choices.

    Args:
        rng: Makes every choice. It is asked for nothing that a space without such layers has no use for.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def keeping(self, group: Group, share: float) -> Pick:
        """A pick that keeps about this share of a layer; plain where that is near 1."""
        if group.may_be_plain and (share > 0.8 or not group.cuts):
            return PLAIN
        return self._cut(group, share)

    def none_plain(self, group: Group, pick: Pick) -> Pick:
        """A pick with all that is kept in place of what is plain, where there is a choice."""
        if isinstance(group, Joint) and pick.family == APART:
            return group.each(pick, self.none_plain)
        return self._cut(group, 1.0) if pick == PLAIN and group.cuts else pick

    def nudged(self, gene: Gene, pick: Pick, kept: Kept) -> Pick:
        """A pick a small step away, now and then of another family or plain."""
        group = gene.group
        if pick == PLAIN:
            return self.keeping(group, float(np.exp(-self._rng.exponential(1.0))))
        roll = self._rng.random()
        if roll < 0.1 and group.may_be_plain:
            return PLAIN
        if roll < 0.25:
            kind = self._kind(group)
            if kind != pick.family:
                return self._of_family(gene, pick, kind, kept)
            if kind != APART:
                return Pick(kind, group.offers[kind].changed(pick.own, self._rng))
        if pick.family == APART:
            place, own = one_of(range(len(gene.parts)), self._rng), list(pick.own)
            own[place] = self.nudged(gene.parts[place], own[place], kept)
            return Pick(APART, tuple(own))
        return Pick(pick.family, group.offers[pick.family].nudged(pick.own, self._rng))

    def as_family(self, gene: Gene, pick: Pick, kind: str, kept: Kept) -> Pick:
        """A pick of one family that is about as large; what is plain, or cannot be of it, stays as it is."""
        if pick.family in (PLAIN.family, kind):
            return pick
        if pick.family == APART:
            if kind in gene.group.offers and any(own != PLAIN for own in pick.own):
                return self._of_family(gene, pick, kind, kept)
            parts = zip(gene.parts, pick.own, strict=True)
            return Pick(APART, tuple(self.as_family(part, own, kind, kept) for part, own in parts))
        if kind in gene.group.offers:
            return self._of_family(gene, pick, kind, kept)
        if any(kind in part.group.offers for part in gene.parts):
            share = gene.group.share(pick)
            apart = Pick(APART, tuple(self._only(part.group, kind, share) for part in gene.parts))
            return self._as_large(gene, apart, pick, kept)
        return pick

    def mixed(self, pick: Pick, other: Pick) -> Pick:
        """The first of two; of layers that choose each for itself in both, each from either."""
        if pick.family != APART or other.family != APART:
            return pick
        take = self._rng.random(len(pick.own)) < 0.5
        return Pick(APART, tuple(a if t else b for a, b, t in zip(pick.own, other.own, take, strict=True)))

    def _of_family(self, gene: Gene, pick: Pick, kind: str, kept: Kept) -> Pick:
        """A pick of another family that is about as large."""
        return self._as_large(gene, self._keeping(gene.group, kind, gene.group.share(pick)), pick, kept)

    def _as_large(self, gene: Gene, pick: Pick, wanted: Pick, kept: Kept) -> Pick:
        """A pick scaled until it is about as large as another; what families call a share is not the same."""
        goal, tried = gene.params(wanted, kept), list[tuple[float, Pick]]()
        for _ in range(TRIES):
            off = math.log(goal / gene.params(pick, kept))
            tried.append((abs(off), pick))
            if abs(off) < NEAR:
                break
            pick = gene.group.scaled(pick, math.exp(off))
        return min(tried, key=lambda one: one[0])[1]

    def _cut(self, group: Group, share: float) -> Pick:
        return self._keeping(group, self._kind(group), share)

    def _keeping(self, group: Group, kind: str, share: float) -> Pick:
        """A pick of a kind that keeps about a share."""
        if not isinstance(group, Joint) or kind != APART:
            return Pick(kind, group.offers[kind].keeping(share, self._rng))
        uneven = np.exp(_UNEVEN * self._rng.standard_normal(len(group.parts)))
        own = zip(group.parts, np.minimum(1.0, share * uneven).tolist(), strict=True)
        return Pick(APART, tuple(self.keeping(part, one) for part, one in own))

    def _only(self, group: Group, kind: str, share: float) -> Pick:
        """A pick of one family, or, where that is none of the group's, whatever else keeps as much."""
        return self._keeping(group, kind, share) if kind in group.offers else self.keeping(group, share)

    def _kind(self, group: Group) -> str:
        """A kind that is not plain."""
        return one_of(group.cuts, self._rng)

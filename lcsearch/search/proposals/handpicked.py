"""What one would try without a search: thinner nets, one share for all layers, and known good shapes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from lcsearch.core.records import Origin
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.core.text import format_share
from lcsearch.layers import lookup
from lcsearch.search.proposals.plan import Candidate
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import Layers

Params = Callable[[ModelSpec], int]

SIZES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Shares of the backbone's parameters at which hand-picked models are compared with a search.

In the order in which they are tried: small nets are trained fast, and are where the front is. Thinner nets of
all five sizes together have as many parameters as the backbone. One of the last size is not trained from
scratch where it can be cut out: it was no more accurate than one of half its size (docs/trained.md).
"""

SMALLER = 2.5
"""Times smaller than the smallest rival is what a search starts with where channels set sizes, and so on."""

NEAR = 1.25
"""What one would pick by hand at a size may be so many times smaller; else there is nothing at that size."""

_LEAST_SHARE = 1 / 1024

SHAPES = ((0.12, 1 / 16), (0.05, 1 / 32), (0.05, 1 / 64))
"""Share of the parameters, from the first layer on, that stays plain; what is kept of the layers behind."""


def hand_picked(bound: BoundSpace, limit: int | None = None, *, cut_out: bool = True) -> list[Candidate]:
    """The plain backbone first, then its rivals: thinner nets, plain or of one family, and one share for all.

    Args:
        bound: The space; what it keeps plain stays plain here too.
        limit: The most parameters that are allowed.
        cut_out: Whether there will be a trained backbone to cut models out of.

    Returns:
        At each size a thinner net from scratch, and thinner nets of the families for which channels set the
        size. Where there are none of these, the thinner net is cut out of the backbone too (at the largest of
        several sizes only that), and of each other family there is one share for all: both were behind
        wherever they were compared (docs/trained.md). Those above the least size can wait.
        All as far as they come near a size; none twice, with the usual recipe and no regularizer.
    """
    picked = [Candidate("baseline", "plain backbone", TrialSpec(bound.plain()))]
    by_channels, sizes = sized_by_channels(bound), rival_sizes(bound, limit)
    for place, size in enumerate(sizes):
        ways = _ways_to_thin(cut_out, largest_of_several=0 < place == len(sizes) - 1)
        found = _rivals(bound, size, by_channels, ways)
        picked += (replace(one, can_wait=place > 0) for one in found)
    return _distinct(picked)


def _ways_to_thin(cut_out: bool, *, largest_of_several: bool) -> tuple[Origin, ...]:
    """How a thinner net of plain layers is trained: from scratch, cut out of the backbone, or either way."""
    if not cut_out:
        return ("thinner",)
    return ("thinner cut",) if largest_of_several else ("thinner", "thinner cut")


def _rivals(
    bound: BoundSpace, size: int, by_channels: Sequence[str], ways: Sequence[Origin]
) -> Iterator[Candidate]:
    """What one would pick by hand at a size; of some families channels set the size."""
    thin = _within(bound.thinner, size, bound.params)
    families = list(_thinner_of_families(bound, size, by_channels))
    if thin is not None:
        share, model = format_share(thin[0]), TrialSpec(thin[1])
        for way in ("thinner",) if families else ways:
            how = "thinner, cut out" if way == "thinner cut" else "thinner"
            yield Candidate(way, f"{how}, channels {share}", model)
    yield from families
    if not families:
        yield from _uniform(bound, size, [kind for kind in bound.families if kind not in by_channels])


def _thinner_of_families(bound: BoundSpace, size: int, kinds: Sequence[str]) -> Iterator[Candidate]:
    """Of each of some families a thinner net."""
    for kind in kinds:
        one = _within(partial(thinner_of, bound, kind), size, bound.params)
        if one is not None:
            label = f"thinner {kind}, channels {format_share(one[0])}"
            yield Candidate("uniform thinner", label, TrialSpec(one[1]))


def _uniform(bound: BoundSpace, size: int, kinds: Sequence[str]) -> Iterator[Candidate]:
    """Of each of some families one share for all layers."""
    for kind in kinds:
        one = _within(partial(uniform_of, bound, kind), size, bound.params)
        if one is not None:
            label = f"uniform {lookup.family(kind).share_words(one[0])}"
            yield Candidate("uniform", label, TrialSpec(one[1]))


def sized_by_channels(bound: BoundSpace) -> list[str]:
    """Families whose nets one would make smaller by their channels, where the space lets these go."""
    if not bound.thinning.choices:
        return []
    return [kind for kind in bound.families if thinner_of(bound, kind, 1.0).layers]


def thinner_of(bound: BoundSpace, family: str, share: float) -> ModelSpec:
    """All layers that may be of a family, with one share of all channels that may go."""
    kept, layers = bound.thinning.allowed_at(share), Layers()
    for offer in bound.offers(family):
        layers |= offer.with_channels(bound.shapes(kept))
    return bound.model(kept, layers)


def rival_sizes(bound: BoundSpace, limit: int | None = None) -> list[int]:
    """Parameters of hand-picked models, rising: shares of the backbone, as far down as the space goes.

    Args:
        bound: The space.
        limit: The most parameters that are allowed: where it is below half of the backbone, the largest size.
    """
    whole, least = bound.params(bound.plain()), bound.params(bound.smallest())
    largest = whole if limit is None else min(whole, limit / max(SIZES))
    sizes = [math.floor(share * largest) for share in SIZES]
    return [size for size in sizes if size * math.sqrt(2) >= least] or [max(sizes)]


def _within(make: Callable[[float], ModelSpec], size: int, params: Params) -> tuple[float, ModelSpec] | None:
    """The largest share, of three digits, with at most so many parameters; None where it has far less."""
    low, high = _LEAST_SHARE, 1.0
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if params(make(middle)) <= size else (low, middle)
    digits = 2 - math.floor(math.log10(low))
    share = math.floor(low * 10**digits) / 10**digits
    model = make(share)
    return (share, model) if size / NEAR <= params(model) <= size else None


def known_good(bound: BoundSpace) -> list[Candidate]:
    """Shapes that pay on most nets, to start a search from.

    Where channels set the size of some family's nets, thinner nets of it, smaller than any rival: there the
    front is, and they train fast. Else early layers plain, deep layers thin.

    Args:
        bound: The space; what it keeps plain stays plain here too.

    Returns:
        No model twice, the largest first, each with the usual recipe and no regularizer.
    """
    picked = [Candidate("baseline", "", TrialSpec(bound.plain()))]
    if by_channels := sized_by_channels(bound):
        picked += _smaller_than_rivals(bound, by_channels)
    else:
        for kind, (plain, share) in itertools.product(bound.families, SHAPES):
            label = f"early plain, deep {lookup.family(kind).share_words(share)}"
            picked.append(Candidate("given", label, TrialSpec(_early_plain(bound, kind, plain, share))))
    return _distinct(picked)[1:]


def _smaller_than_rivals(bound: BoundSpace, kinds: Sequence[str]) -> Iterator[Candidate]:
    """Thinner nets of some families in equal steps of size, as far down as the space goes."""
    size, least = min(rival_sizes(bound)), bound.params(bound.smallest())
    while (size := math.floor(size / SMALLER)) >= least:
        for one in _thinner_of_families(bound, size, kinds):
            yield replace(one, origin="given")


def uniform_of(bound: BoundSpace, family: str, share: float) -> ModelSpec:
    """One share for all layers that may be of the family."""
    kept, layers = bound.thinning.full, Layers()
    for offer in bound.offers(family):
        layers |= offer.at_share(share, bound.shapes(kept))
    return bound.model(kept, layers)


def _early_plain(bound: BoundSpace, family: str, plain: float, share: float) -> ModelSpec:
    """One share, as near to it as the space allows, for all but the first layers.

    A layer stays plain if all convolutions up to its end hold at most ``plain`` of their parameters.
    """
    kept, layers, passed = bound.thinning.full, Layers(), 0
    shapes, deep = bound.shapes(kept), set[str]()
    for name, shape in shapes.items():
        passed += shape.params
        if passed > plain * sum(one.params for one in shapes.values()):
            deep.add(name)
    for offer in bound.offers(family):
        for kind, made in lookup.bundles(offer.at_share(offer.allowed(share), shapes)):
            own = {name: spec for name, spec in made.items() if name in deep}
            if len(own) == len(made) or not kind.pairs:  # partners have one choice
                layers |= own
    return bound.model(kept, layers)


def _distinct(picked: Sequence[Candidate]) -> list[Candidate]:
    """No model twice of one kind, nor the backbone again."""
    kept: dict[tuple[Origin, str], Candidate] = {}
    for one in picked:
        if one.origin == "baseline" or one.spec != picked[0].spec:
            kept.setdefault((one.origin, one.spec.fingerprint()), one)
    return list(kept.values())

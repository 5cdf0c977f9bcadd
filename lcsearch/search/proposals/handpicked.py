"""What one would try without a search: one share for all layers, thinner nets, and known good shapes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers import lookup
from lcsearch.search.proposals.queue import Candidate
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import Layers

Params = Callable[[ModelSpec], int]

SHARES = (1 / 2, 1 / 4, 1 / 8)
"""What is kept of all layers; each has a thinner net of about the same size beside it."""

STEP = 1 / 64
"""Shares of channels that thinner nets keep are multiples of this."""

SHAPES = ((0.12, 1 / 16), (0.05, 1 / 32), (0.05, 1 / 64))
"""Share of the parameters, from the first layer on, that stays plain; what is kept of the layers behind."""


def hand_picked(bound: BoundSpace, params: Params | None = None) -> list[Candidate]:
    """The plain backbone first, then one share for all, then thinner plain nets of about the same sizes.

    Args:
        bound: The space; what it keeps plain stays plain here too.
        params: Counts a model's parameters; by default the space's own arithmetic.

    Returns:
        No model twice, each with the usual recipe and no regularizer; no thinner nets of a backbone that has
        no channels that can go.
    """
    count, plain = params or bound.params, bound.plain()
    uniform = []
    for kind, share in itertools.product(bound.families, SHARES):
        label = f"uniform {lookup.family(kind).share_words(share)}"
        uniform.append(Candidate("uniform", label, TrialSpec(_at_share(bound, kind, share))))
    picked = [Candidate("baseline", "plain backbone", TrialSpec(plain)), *uniform]
    for one in uniform:
        share, thin = _thinner(bound, count(one.spec.model), count)
        picked.append(Candidate("thinner", f"thinner, channels {share:.3g}", TrialSpec(thin)))
    return _distinct(picked)


def known_good(bound: BoundSpace) -> list[Candidate]:
    """Early layers plain, deep layers thin: the shapes that pay on most nets, to start a search from.

    Args:
        bound: The space; what it keeps plain stays plain here too.

    Returns:
        No model twice, the largest first, each with the usual recipe and no regularizer.
    """
    picked = [Candidate("baseline", "", TrialSpec(bound.plain()))]
    for kind, (plain, share) in itertools.product(bound.families, SHAPES):
        label = f"early plain, deep {lookup.family(kind).share_words(share)}"
        picked.append(Candidate("given", label, TrialSpec(_early_plain(bound, kind, plain, share))))
    return _distinct(picked)[1:]


def _at_share(bound: BoundSpace, family: str, share: float) -> ModelSpec:
    """One share for all layers that may be of the family."""
    kept, layers = bound.thinning.full, Layers()
    for group in bound.groups:
        if family in group.offers:
            layers |= group.offers[family].at_share(share, bound.shapes(kept))
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
    for group in bound.groups:
        if family in group.offers:
            offer = group.offers[family]
            made = offer.at_share(offer.allowed(share), shapes)
            layers |= {name: spec for name, spec in made.items() if name in deep}
    return bound.model(kept, layers)


def _thinner(bound: BoundSpace, target: int, count: Params) -> tuple[float, ModelSpec]:
    """The thinner net whose size is nearest to a target, of all shares that are multiples of ``STEP``."""

    def at(step: int) -> tuple[float, ModelSpec]:
        return step * STEP, bound.thinner(step * STEP)

    low, high = 1, round(1 / STEP)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(at(middle)[1]) >= target else (middle, high)
    return min((at(low), at(high)), key=lambda one: abs(math.log(count(one[1]) / target)))


def _distinct(picked: Sequence[Candidate]) -> list[Candidate]:
    seen: list[TrialSpec] = []
    kept = []
    for one in picked:
        if one.spec not in seen:
            seen.append(one.spec)
            kept.append(one)
    return kept

"""Models that promise to lose the least, where layers may be of several families.

What a layer loses before any training says little of what is left of that after it, and less across families:
one may lose much at first and win it back in an epoch. By measured losses alone it would never be tried. So
every second model is of a family that else hardly comes up; where there are several of those, in turn.

Of models that train from scratch measured losses say nothing at all: those are of families alone whose nets
one makes smaller by their channels, which were ahead of mixed ones there (docs/trained.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from lcsearch.compress.sensitivity import Sensitivity
from lcsearch.core.spec import ModelSpec
from lcsearch.search.proposals.handpicked import sized_by_channels
from lcsearch.search.space import BoundSpace

Best = Callable[[Sensitivity, BoundSpace, Sequence[int]], list[ModelSpec]]
"""For each budget of parameters the model that promises to lose the least."""


def of_all_families(
    best: Best, found: Sensitivity, bound: BoundSpace, budgets: Sequence[int], scratch_below: float = 0.0
) -> list[ModelSpec]:
    """Return models over all families, for every second budget of one of the rarer alone, the largest first.

    Args:
        best: Chooses models.
        found: What each layer loses alone.
        bound: The space.
        budgets: Parameters of the whole model, falling.
        scratch_below: Parameters of a model below which it trains from scratch.

    Returns:
        Canonical specs inside the space. Where there is one family, what ``best`` chooses.
    """
    cut_out = [budget for budget in budgets if budget >= scratch_below]
    from_scratch = budgets[len(cut_out) :]
    models = _in_turn(best, found, bound, cut_out) if cut_out else []
    return models + (_from_scratch(best, found, bound, from_scratch) if from_scratch else [])


def _in_turn(best: Best, found: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
    """Over all families, then of one alone that else hardly comes up, and so on; the rarest first."""
    models = best(found, bound, budgets)
    if len(bound.families) < 2:
        return models
    used = Counter(layer.family for model in models for layer in model.layers.values())
    rare = sorted(bound.families, key=lambda family: used[family])[:-1]
    turns = [budgets[1::2][place :: len(rare)] for place in range(len(rare))]
    alone = [
        (own, made)
        for family, own in zip(rare, turns, strict=True)
        if own and (made := best(_only(found, family), bound, own))
    ]
    if not alone:
        return models
    taken = {budget for own, _ in alone for budget in own}
    models = best(found, bound, [budget for budget in budgets if budget not in taken])
    models += [model for _, made in alone for model in made]
    return sorted(models, key=lambda model: -bound.params(model))


def _from_scratch(
    best: Best, found: Sensitivity, bound: BoundSpace, budgets: Sequence[int]
) -> list[ModelSpec]:
    """Of the families alone whose nets are made smaller by their channels, where there are some."""
    families = sized_by_channels(bound)
    models = best(_only(found, *families), bound, budgets) if families else []
    return models or best(found, bound, budgets)


def _only(found: Sensitivity, *families: str) -> Sensitivity:
    return replace(found, rows=tuple(row for row in found.rows if row.way.spec.family in families))

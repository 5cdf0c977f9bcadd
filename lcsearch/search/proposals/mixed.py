"""Models that promise to lose the least, where layers may be of several families.

What a layer loses before any training says little of what is left of that after it, and less across families:
one may lose much at first and win it back in an epoch. By measured losses alone it would never be tried. So
every second model is of the family that else hardly comes up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from lcsearch.compress.sensitivity import Sensitivity
from lcsearch.core.spec import ModelSpec
from lcsearch.search.space import BoundSpace

Best = Callable[[Sensitivity, BoundSpace, Sequence[int]], list[ModelSpec]]
"""For each budget of parameters the model that promises to lose the least."""


def of_all_families(
    best: Best, found: Sensitivity, bound: BoundSpace, budgets: Sequence[int]
) -> list[ModelSpec]:
    """Return models over all families, and of one alone for every second budget, the largest first.

    Args:
        best: Chooses models.
        found: What each layer loses alone.
        bound: The space.
        budgets: Parameters of the whole model, falling.

    Returns:
        Canonical specs inside the space. Where there is one family, what ``best`` chooses.
    """
    models = best(found, bound, budgets)
    if len(bound.families) < 2:
        return models
    used = Counter(layer.family for model in models for layer in model.layers.values())
    rare = min(bound.families, key=lambda family: used[family])
    own = replace(found, rows=tuple(row for row in found.rows if row.way.spec.family == rare))
    alone = best(own, bound, budgets[1::2])
    if not alone:
        return models
    return sorted([*best(found, bound, budgets[::2]), *alone], key=lambda model: -bound.params(model))

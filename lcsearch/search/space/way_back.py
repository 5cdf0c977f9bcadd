"""The way back: from a model's layers to the choices that make them, and the shrink that these need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lcsearch.core.spec import LayerSpec
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.common import Common
from lcsearch.search.space.groups import Group, Pick
from lcsearch.search.space.thin_sizes import Kept
from lcsearch.search.space.thinning import Thinning


def picks_of(
    groups: Sequence[Group], layers: Mapping[str, LayerSpec], shapes: Shapes, shrink: float | None = None
) -> list[Pick] | None:
    """For each group the choice that makes its layers, as `Group.find` finds it; None where one has none."""
    picks = []
    for group in groups:
        own = {name: layers[name] for name in group.members if name in layers}
        pick = group.find(own, shapes, shrink)
        if pick is None:
            return None
        picks.append(pick)
    return picks


def least_shrink(
    common: Common, thinning: Thinning, kept: Kept, groups: Sequence[Group], picks: Sequence[Pick]
) -> float:
    """The smallest shrink with which some channels and choices, one for each group, can be asked for."""
    least = [group.least_shrink(pick) for group, pick in zip(groups, picks, strict=True)]
    least += thinning.least_shrinks(kept)
    return common.shrink.clip(max((one for one in least if one is not None), default=1.0))

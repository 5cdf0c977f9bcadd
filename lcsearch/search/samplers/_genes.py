"""One choice over convolutions, and what each of its picks means for the channels that are around it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from lcsearch.core.spec import LayerSpec
from lcsearch.layers import lookup
from lcsearch.layers.family import Family
from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.search.space.groups import Group, Layers, Pick
from lcsearch.search.space.thin_sizes import Counts, Kept, counts_at
from lcsearch.search.space.thinning import Thinning

_ROOM = 20_000


class Look(NamedTuple):
    """What a pick means for so many channels.

    Attributes:
        params: Size of all members.
        features: What the surrogate knows them by.
        built: A number that picks share when they make the same layers; 0 where all are plain.
        regularized: Whether the regularizer's weight matters to these layers.
    """

    params: int
    features: tuple[float, ...]
    built: int
    regularized: bool


class Gene:
    """One choice over convolutions.

    Args:
        group: The convolutions that share it.
        thinning: The channels that a space lets go.
        families: Those that convolutions of the space may become.
    """

    def __init__(self, group: Group, thinning: Thinning, families: Sequence[Family[Any]]) -> None:
        self.group = group
        self.places = _around(group, thinning)
        """Places in `Kept` that decide the shapes of its convolutions: of what they make and read."""
        self._counts = counts_at(self.places)
        self._thinning, self._families = thinning, families
        self._plain = (0.0,) * block(families)
        self.parts = tuple(Gene(part, thinning, families) for part in group.alone() if part is not group)
        """Those of layers that may choose for themselves, where they else choose together."""
        self._looks: dict[tuple[Pick, Counts], Look] = {}
        self._picks: dict[tuple[Counts, Hashable], Pick | None] = {}
        self._known_shapes: dict[Counts, Shapes] = {}

    def look(self, pick: Pick, kept: Kept) -> Look:
        """What a pick means; worked out once for all channels that its convolutions see."""
        key = pick, self._counts(kept)
        found = self._looks.get(key)
        if found is None:
            make_room(self._looks, _ROOM)
            found = self._looks[key] = self._work_out(pick, self._shapes(kept))
        return found

    def params(self, pick: Pick, kept: Kept) -> int:
        """Its size alone, not remembered: moves try many that never come again."""
        look = self._looks.get((pick, self._counts(kept)))
        return self.group.params(pick, self._shapes(kept)) if look is None else look.params

    def layers(self, pick: Pick, kept: Kept) -> Layers:
        """The canonical specs that a pick makes."""
        return self.group.layers(pick, self._shapes(kept))

    def find(self, layers: Layers, kept: Kept) -> Pick | None:
        """The pick that makes canonical specs of its convolutions; None where there is none."""
        key = self._counts(kept), tuple(layers.items())
        if key not in self._picks:
            make_room(self._picks, _ROOM)
            self._picks[key] = self.group.find(layers, self._shapes(kept))
        return self._picks[key]

    def _shapes(self, kept: Kept) -> Shapes:
        """Of its own convolutions alone: those of the whole net would take longer than all else."""
        counts = self._counts(kept)
        found = self._known_shapes.get(counts)
        if found is None:
            make_room(self._known_shapes, _ROOM)
            found = {name: self._thinning.shape(name, kept) for name in self.group.members}
            self._known_shapes[counts] = found
        return found

    def _work_out(self, pick: Pick, shapes: Shapes) -> Look:
        layers = self.group.layers(pick, shapes)
        sizes = self.group.sizes(layers, shapes)
        features: list[float] = []
        for name in self.group.members:
            spec = layers.get(name)
            features += self._plain if spec is None else self._features(shapes[name], spec, sizes[name])
        if not layers:
            return Look(sum(sizes.values()), tuple(features), built=0, regularized=False)
        built = hash(tuple([(name, spec.family, spec) for name, spec in layers.items()]))
        return Look(sum(sizes.values()), tuple(features), built, lookup.regularized(layers))

    def _features(self, shape: ConvShape, spec: LayerSpec, size: int) -> list[float]:
        numbers = [math.log(max(1, size) / shape.params)]
        for family in self._families:
            own = family.name == spec.family
            numbers += family.describe(shape, spec) if own else (0.0,) * family.features
        return numbers


def block(families: Sequence[Family[Any]]) -> int:
    """Features of a convolution: the logarithm of what it keeps, then each family's own."""
    return 1 + sum(family.features for family in families)


def make_room(memory: dict[Any, Any], room: int) -> None:
    """Forget everything where there is too much."""
    if len(memory) > room:
        memory.clear()


def _around(group: Group, thinning: Thinning) -> tuple[int, ...]:
    """Found by trying: which counts change the shape of a member."""
    most = thinning.most
    shapes, found = thinning.shapes(most), list[int]()
    for place, least in enumerate(thinning.least):
        thinner = thinning.shapes((*most[:place], least, *most[place + 1 :]))
        if any(thinner[name] != shapes[name] for name in group.members):
            found.append(place)
    return tuple(found)

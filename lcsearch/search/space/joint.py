"""Layers that choose together: all of them of a family that needs several, or each for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lcsearch.core import plugins
from lcsearch.core.parameters import Choice, Number, Trial
from lcsearch.layers import lookup
from lcsearch.layers.offer import End
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.bonds import Bond
from lcsearch.search.space.groups import Group, Layers, Pick

APART = plugins.NO_FAMILY
"""In place of a family: the layers choose each for itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Joint(Group):
    """Layers of which a family offers something to all together.

    A pick is of that family; or it is of `APART`, and holds one pick for each of the parts.

    Attributes:
        parts: Groups of these layers, by what else they may become.
    """

    parts: tuple[Group, ...]

    @classmethod
    def of(cls, bond: Bond, parts: tuple[Group, ...], shapes: Shapes, *, each: bool) -> Joint:
        """The group of layers that choose together.

        Args:
            bond: Which, and of what family.
            parts: Their groups for whatever else they may become; those without a kind stay plain.
            shapes: The convolutions at the largest width.
            each: As for `Family.offer_together`.
        """
        name, own = bond.members[0], {member: shapes[member] for member in bond.members}
        offer = lookup.family(bond.kind).offer_together(bond.rule, name, own, bond.sets, each=each)
        kinds = (APART, bond.kind) if bond.apart else (bond.kind,)
        able = tuple(part if part.kinds else replace(part, kinds=(lookup.PLAIN,)) for part in parts)
        return cls(name, bond.members, kinds, {bond.kind: offer}, able)

    @property
    def kind(self) -> Choice:
        """The family that they are of together, or none."""
        return Choice(f"{self.name}/together", self.kinds)

    @property
    def cuts(self) -> tuple[str, ...]:
        """The family, or each for itself."""
        return self.kinds

    @property
    def families(self) -> tuple[str, ...]:
        """The family, and those of the parts where these are a choice."""
        return tuple(dict.fromkeys((*self.offers, *(kind for part in self.alone() for kind in part.offers))))

    def alone(self) -> tuple[Group, ...]:
        """The parts, if they are a choice."""
        return self.parts if APART in self.kinds else (self,)

    def parameters(self) -> Iterator[Choice | Number]:
        """Those of the family, then those of the parts."""
        yield from Group.parameters(self)
        if APART in self.kinds:
            for part in self.parts:
                yield from part.parameters()

    def suggest(self, trial: Trial, shrink: float) -> Pick:
        """Ask whether they are of the family, and if not, for each part."""
        if (kind := self.kind.suggest(trial)) == APART:
            return Pick(APART, tuple(part.suggest(trial, shrink) for part in self.parts))
        return Pick(kind, self.offers[kind].suggest(trial, shrink))

    def answers(self, pick: Pick, shrink: float) -> dict[str, float | str]:
        """As for a group."""
        if pick.family != APART:
            return Group.answers(self, pick, shrink)
        found: dict[str, float | str] = {self.kind.name: APART}
        for part, own in self._apart(pick):
            found |= part.answers(own, shrink)
        return found

    def least_shrink(self, pick: Pick) -> float | None:
        """The largest of those of the parts."""
        if pick.family != APART:
            return Group.least_shrink(self, pick)
        found = [part.least_shrink(own) for part, own in self._apart(pick)]
        return max((one for one in found if one is not None), default=None)

    def layers(self, pick: Pick, shapes: Shapes) -> Layers:
        """As for a group, in module order."""
        if pick.family != APART:
            return Group.layers(self, pick, shapes)
        found = Layers()
        for part, own in self._apart(pick):
            found |= part.layers(own, shapes)
        return {name: found[name] for name in self.members if name in found}

    def find(self, wanted: Layers, shapes: Shapes, shrink: float | None = None) -> Pick | None:
        """As for a group; each for itself where that makes the same."""
        if APART in self.kinds:
            own = [{name: wanted[name] for name in part.members if name in wanted} for part in self.parts]
            found = [part.find(one, shapes, shrink) for part, one in zip(self.parts, own, strict=True)]
            if all(pick is not None for pick in found):
                return Pick(APART, tuple(found))
        return Group.find(self, wanted, shapes, shrink)

    def extreme(self, shapes: Shapes, end: End) -> Pick:
        """As for a group."""
        picks = [Pick(kind, offer.extreme(shapes, end)) for kind, offer in self.offers.items()]
        if APART in self.kinds:
            picks.append(Pick(APART, tuple(part.extreme(shapes, end) for part in self.parts)))
        best = min if end == "smallest" else max
        return best(picks, key=lambda pick: self.params(pick, shapes))

    def share(self, pick: Pick) -> float:
        """About what share of the layers a pick keeps: of parts, the mean."""
        if pick.family != APART:
            return Group.share(self, pick)
        return sum(part.share(own) for part, own in self._apart(pick)) / len(self.parts)

    def scaled(self, pick: Pick, factor: float) -> Pick:
        """The pick that keeps so many times as much; what is plain stays plain."""
        if pick.family != APART:
            return Group.scaled(self, pick, factor)
        return self.each(pick, lambda part, own: part.scaled(own, factor))

    def each(self, pick: Pick, change: Callable[[Group, Pick], Pick]) -> Pick:
        """A pick of `APART` with another pick for each part."""
        return Pick(APART, tuple(change(part, own) for part, own in self._apart(pick)))

    def _apart(self, pick: Pick) -> Iterator[tuple[Group, Pick]]:
        return zip(self.parts, pick.own, strict=True)

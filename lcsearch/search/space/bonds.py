"""Layers that can be of a family only together: who chooses with whom, found once when a space is bound."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from lcsearch.core.text import listed
from lcsearch.layers import lookup
from lcsearch.layers.offer import Rule
from lcsearch.layers.partners import Sets, divided, joined, members
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.schema import Space

_THINNED = "its channels go apart from those of the layers that it could share with"
_NOT_OFFERED = "the space offers it to no other layer that it could share with"
_SMALL = "it is too small to matter"

Follows = Callable[[str], Hashable]
"""What decides the shape of a layer of this name: equal where shapes stay equal, whatever channels go."""


class Bond(NamedTuple):
    """Layers that choose together.

    Attributes:
        kind: The family.
        rule: What the space says of it, for all of them.
        members: All of them, in module order.
        sets: Who is with whom.
        apart: Whether they may also choose each for itself.
    """

    kind: str
    rule: Rule
    members: tuple[str, ...]
    sets: Sets
    apart: bool


class Bonds(NamedTuple):
    """All that was found.

    Attributes:
        found: In module order of their first layers; no layer is in two.
        left: Why other layers, for which the space names such a family, cannot be of it, in words.
        divided: By way to share: layers that are fewer together than they were if all channels stayed.
    """

    found: tuple[Bond, ...] = ()
    left: Mapping[str, str] = MappingProxyType({})
    divided: Mapping[str, Sequence[str]] = MappingProxyType({})

    def words(self) -> str | None:
        """Say in a line which layers have nobody to share with, or fewer than they might, and why."""
        names = {why: [name for name, own in self.left.items() if own == why] for why in self.left.values()}
        said = [f"{listed(own)}: {why}" for why, own in names.items()]
        said += [f"{listed(own)}: fewer by {way}: {_THINNED}" for way, own in self.divided.items()]
        return f"nobody to share with: {'; '.join(said)}" if said else None


def find_bonds(space: Space, shapes: Shapes, follows: Follows) -> Bonds:
    """Find layers that choose together.

    Args:
        space: The space.
        shapes: All convolutions of the plain net that can be replaced, in module order.
        follows: Tells which shapes stay equal.
    """
    found, left, apart = list[Bond](), dict[str, str](), dict[str, list[str]]()
    for kind, rule, asked in _asked(space, shapes):
        partners = lookup.family(kind).partners(rule, shapes)
        if partners is None:
            continue
        taken = {name for bond in found for name in bond.members}
        free = {name: True for name in asked if name not in taken and _big(space, name, shapes)}
        offered = divided(partners.sets, free.get)
        sets = divided(offered, follows)
        for way, names in _changed(offered, sets):
            apart.setdefault(way, []).extend(names)
        alike = joined(sets) if space.granularity != "network" else [sets] if sets else []
        found += [Bond(kind, rule, _members(one, shapes), one, partners.apart) for one in alike]
        for name in (name for name in asked if name not in taken | members(sets)):
            left[name] = partners.left.get(name) or _why(name, free, offered)
    order = list(shapes)
    return Bonds(tuple(sorted(found, key=lambda bond: order.index(bond.members[0]))), left, apart)


def _asked(space: Space, shapes: Shapes) -> Iterator[tuple[str, Rule, list[str]]]:
    """Each family and what is said of it, with the layers of which that is said."""
    found: list[tuple[str, Rule, list[str]]] = []
    for name in shapes:
        rule = space.rule_for(name)
        for kind, own in ({} if rule is None else rule[1].offered).items():
            known = next((layers for other, said, layers in found if (other, said) == (kind, own)), None)
            if known is None:
                found.append((kind, own, [name]))
            else:
                known.append(name)
    yield from found


def _big(space: Space, name: str, shapes: Shapes) -> bool:
    return shapes[name].params >= space.min_share * sum(shape.params for shape in shapes.values())


def _changed(before: Sets, after: Sets) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Sets that are no more, as they were, with layers that have partners still."""
    some = members(after)
    for way, own in before.items():
        for names in own:
            if names not in after.get(way, ()) and (kept := tuple(name for name in names if name in some)):
                yield way, kept


def _members(sets: Sets, shapes: Shapes) -> tuple[str, ...]:
    own = members(sets)
    return tuple(name for name in shapes if name in own)


def _why(name: str, free: Collection[str], offered: Sets) -> str:
    """Why a layer that would have partners has none in a space."""
    if name not in free:
        return _SMALL
    return _THINNED if name in members(offered) else _NOT_OFFERED

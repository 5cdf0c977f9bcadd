"""One choice of the search, the convolutions that share it, and the way back from specs to choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lcsearch.core.errors import InputError
from lcsearch.core.parameters import Choice, NotInSpace, Number, Replay, Trial
from lcsearch.core.spec import LayerSpec
from lcsearch.layers import lookup
from lcsearch.layers.offer import End, Offer
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.rule import LayerRule

Layers = dict[str, LayerSpec]


class Pick(NamedTuple):
    """What a sampler chose for a group. A tuple, because samplers look thousands of them up per proposal.

    Attributes:
        family: The name of a family.
        own: What was chosen of the family's own; nothing for plain convolutions.
    """

    family: str
    own: tuple[Any, ...] = ()


PLAIN = Pick(lookup.PLAIN)
"""Nothing becomes of the group's convolutions."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Convolutions that share one choice.

    Attributes:
        name: What parameters are named after: ``features.8/kind``.
        members: Their module names, in module order.
        kinds: Families that one of them may become, in the order of the rule.
        offers: What each family but the plain convolution offers.
    """

    name: str
    members: tuple[str, ...]
    kinds: tuple[str, ...]
    offers: Mapping[str, Offer[Any, Any]]

    @classmethod
    def make(cls, name: str, rule: LayerRule, shapes: Shapes) -> Group:
        """The group of some convolutions.

        Args:
            name: Its name.
            rule: What the convolutions may become; a family that none of them can be of, or none alone, is
                left out.
            shapes: The convolutions at the largest width.

        Raises:
            InputError: Two families use one name for a parameter.
        """
        offers = {}
        for kind in rule.offered:
            family = lookup.family(kind)
            if family.pairs:
                continue  # what is only for several layers is offered to these
            own = {layer: shape for layer, shape in shapes.items() if family.refuses(shape) is None}
            if own:
                offers[kind] = family.offer(rule.offered[kind], name, own)
        kinds = tuple(kind for kind in rule.kind if kind == lookup.PLAIN or kind in offers)
        group = cls(name, tuple(shapes), kinds, offers)
        names = Counter(parameter.name for offer in offers.values() for parameter in offer.parameters)
        for parameter, count in names.items():
            if count > 1:
                families = ", ".join(offers)
                raise InputError(f"two of {families} have a parameter {parameter!r}", setting="space")
        return group

    @property
    def may_be_plain(self) -> bool:
        """Whether plain convolutions are a choice."""
        return lookup.PLAIN in self.kinds

    @property
    def cuts(self) -> tuple[str, ...]:
        """Kinds of picks that do not leave all members plain."""
        return tuple(self.offers)

    @property
    def families(self) -> tuple[str, ...]:
        """All that some member may become, without the plain convolution."""
        return tuple(self.offers)

    def alone(self) -> tuple[Group, ...]:
        """The groups of these members that choose for themselves: itself."""
        return (self,)

    @property
    def kind(self) -> Choice:
        """The family."""
        return Choice(f"{self.name}/kind", self.kinds)

    def parameters(self) -> Iterator[Choice | Number]:
        """Every parameter that the sampler can be asked for, those that depend on others included."""
        own = (parameter for offer in self.offers.values() for parameter in offer.parameters)
        return (parameter for parameter in (self.kind, *own) if parameter.searched)

    def suggest(self, trial: Trial, shrink: float) -> Pick:
        """Ask for a choice; ``shrink`` as for `Offer.suggest`."""
        kind = self.kind.suggest(trial)
        return PLAIN if kind == lookup.PLAIN else Pick(kind, self.offers[kind].suggest(trial, shrink))

    def answers(self, pick: Pick, shrink: float) -> dict[str, float | str]:
        """The answers to `suggest`, by parameter, that make it return this choice."""
        own = {} if pick == PLAIN else self.offers[pick.family].answers(pick.own, shrink)
        return {self.kind.name: pick.family, **own}

    def least_shrink(self, pick: Pick) -> float | None:
        """The smallest common factor with which `suggest` can return this choice; None where any can."""
        return None if pick == PLAIN else self.offers[pick.family].least_shrink(pick.own)

    def layers(self, pick: Pick, shapes: Shapes) -> Layers:
        """The canonical specs of the members that a choice does not leave plain."""
        return {} if pick == PLAIN else self.offers[pick.family].layers(pick.own, shapes)

    def sizes(self, layers: Layers, shapes: Shapes) -> dict[str, int]:
        """Parameters of each member; what members share counts in the first.

        Args:
            layers: What becomes of some members.
            shapes: The shapes of all convolutions at some width.
        """
        found = {name: shapes[name].params for name in self.members if name not in layers}
        for kind, own in lookup.bundles(layers):
            for name, size in kind.sizes(shapes, own).items():
                found[name] = size.stored
        return found

    def params(self, pick: Pick, shapes: Shapes) -> int:
        """Parameters of the members under a choice."""
        return sum(self.sizes(self.layers(pick, shapes), shapes).values())

    def find(self, wanted: Layers, shapes: Shapes, shrink: float | None = None) -> Pick | None:
        """The choice that makes the members these canonical specs; None where there is none.

        Args:
            wanted: Canonical specs; a member that is left out is plain.
            shapes: The shapes of the members.
            shrink: As for `suggest`: only a choice counts that does so when it is answered and asked again.
        """
        if not wanted and self.may_be_plain:
            return PLAIN
        for kind, offer in self.offers.items():
            if all(spec.family == kind for spec in wanted.values()):
                for own in offer.guesses(wanted, shapes):
                    pick = Pick(kind, own)
                    asked = pick if shrink is None else self._asked_again(pick, shrink)
                    if asked is not None and self.layers(asked, shapes) == wanted:
                        return pick
        return None

    def _asked_again(self, pick: Pick, shrink: float) -> Pick | None:
        try:
            return self.suggest(Replay(self.answers(pick, shrink)), shrink)
        except NotInSpace:
            return None

    def share(self, pick: Pick) -> float:
        """About what share of the members a pick keeps, in (0, 1]."""
        return 1.0 if pick == PLAIN else self.offers[pick.family].share(pick.own)

    def scaled(self, pick: Pick, factor: float) -> Pick:
        """The pick that keeps so many times as much; what is plain stays plain."""
        if pick == PLAIN:
            return pick
        return Pick(pick.family, self.offers[pick.family].scaled(pick.own, factor))

    def extreme(self, shapes: Shapes, end: End) -> Pick:
        """The choice with the fewest or the most parameters."""
        if self.may_be_plain and (end == "largest" or not self.offers):
            return PLAIN
        picks = [PLAIN] if self.may_be_plain else []
        picks += [Pick(kind, offer.extreme(shapes, end)) for kind, offer in self.offers.items()]
        best = min if end == "smallest" else max
        return best(picks, key=lambda pick: self.params(pick, shapes))

"""Models that promise to lose the least where channels may go too: down from the backbone, cut by cut.

Of all cuts (fewer channels in a group, another choice for a layer) the one is made next that loses least per
parameter that it saves. What a cut saves depends on those that were made: a thinner layer also makes the next
one smaller. It only ever gets less, so a cut is looked at again only when it comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.compress.thin_sensitivity import ChannelRow
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.shape import Shapes
from lcsearch.search.proposals.measured import Option, options_of
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import Group, Layers, Pick
from lcsearch.search.space.thin_sizes import Kept
from lcsearch.search.space.thinning import ChannelChoice, Thinning

SHARES = (0.75, 0.5, 0.25, 0.125, 0.0625)
"""Shares of channels whose loss is measured, as near as a space allows them."""
_ROOM = 100_000


def counts_to_measure(thinning: Thinning) -> dict[str, list[int]]:
    """Name of a group to the numbers of its channels that are measured, falling; all of them are not."""
    found: dict[str, dict[int, None]] = {}
    for choice in thinning.choices:
        for kept in _chosen_counts(choice):
            for place, own in zip(choice.members, kept, strict=True):
                if own < thinning.full[place]:
                    found.setdefault(thinning.groups[place].name, {})[own] = None
    return {name: sorted(own, reverse=True) for name, own in found.items()}


def best_seen(sensitivity: Sensitivity, bound: BoundSpace, budgets: Sequence[int]) -> list[ModelSpec]:
    """Return for each budget the model that promises to lose the least of all that are seen on the way down.

    Only what was measured is combined, and losses are added up. No model keeps more channels of a group than
    the one before it, out of which it shall be cut.

    Args:
        sensitivity: What each layer and each group of channels loses alone.
        bound: The space.
        budgets: Parameters of the whole model, falling.

    Returns:
        Canonical specs inside the space, in the order of the budgets. A budget that nothing seen meets gets
        none; two budgets may get the same.
    """
    thinning, rows = bound.thinning, sensitivity.rows
    layers = [_layer_options(group, rows, bound.shapes(thinning.full)) for group in bound.alone]
    channels = [_thin_options(choice, thinning, sensitivity.channels) for choice in thinning.choices]
    if not all(layers) or not all(channels):
        return []
    descent = _Descent(bound, channels, layers)
    seen = list(descent.all_seen())
    above: Places = (0,) * len(channels)
    found = []
    for budget in budgets:
        best = _best_within((one for one in seen if _within(one.places, above)), budget)
        if best is not None:
            places = descent.filled(best, budget, above)
            above = places[: len(channels)]
            found.append(bound.canonical(descent.model(places)))
    return [model for model in found if model is not None]


class _Thin(NamedTuple):
    """Channels that a choice may keep, and what the model loses."""

    kept: tuple[int, ...]
    loss: float


Places = tuple[int, ...]
"""Which option each choice has: those of channels first, then those of layers."""


class _Seen(NamedTuple):
    params: int
    loss: float
    places: Places


class _Move(NamedTuple):
    """A cut: another option of a choice, and what it loses per parameter that it saves."""

    rate: float
    at: int
    option: int


def _within(places: Places, above: Places) -> bool:
    """Whether no choice over channels has an earlier option than is allowed."""
    return all(place >= first for place, first in zip(places, above, strict=False))


def _best_within(seen: Iterable[_Seen], budget: int) -> _Seen | None:
    fitting = (one for one in seen if one.params <= budget)
    return min(fitting, key=lambda one: (one.loss, one.params), default=None)


@dataclass
class _Descent:
    """The way down.

    Attributes:
        bound: The space.
        channels: The options of each choice over channels, by rising loss.
        layers: Likewise of each choice over layers.
    """

    bound: BoundSpace
    channels: Sequence[Sequence[_Thin]]
    layers: Sequence[Sequence[Option]]

    def __post_init__(self) -> None:
        self._groups = self.bound.alone
        searched = {name for group in self._groups for name in group.members}
        self._unsearched = [
            name for name in self.bound.shapes(self.bound.thinning.full) if name not in searched
        ]
        self._sizes: dict[tuple[object, ...], int] = {}

    def all_seen(self) -> Iterator[_Seen]:
        """Every model that is looked at, from the least compressed one on."""
        now = self._see((0,) * (len(self.channels) + len(self.layers)))
        yield now
        moves: list[_Move] = []
        for at in range(len(now.places)):
            yield from self._add(moves, now, at)
        while moves:
            move = heapq.heappop(moves)
            then = self._see(_with(now.places, move.at, move.option))
            yield then
            if then.params >= now.params:
                continue
            rate = _rate(now, then)
            if moves and rate > moves[0].rate:
                heapq.heappush(moves, move._replace(rate=rate))
                continue
            now = then
            moves = [one for one in moves if one.at != move.at]
            heapq.heapify(moves)
            yield from self._add(moves, now, move.at)

    def _add(self, moves: list[_Move], now: _Seen, at: int) -> Iterator[_Seen]:
        """Look at every further cut of a choice."""
        for option in range(now.places[at] + 1, self._options(at)):
            then = self._see(_with(now.places, at, option))
            yield then
            if then.params < now.params:
                heapq.heappush(moves, _Move(_rate(now, then), at, option))

    def filled(self, found: _Seen, budget: int, above: Places) -> Places:
        """Options that lose less, where some of a budget is left, those first that save most loss.

        Args:
            found: What is within the budget.
            budget: Parameters of the whole model.
            above: For each choice over channels the first option that is allowed.
        """
        now = found
        better = [
            (self._loss(at, place) - self._loss(at, option), at, option)
            for at, place in enumerate(found.places)
            for option in range(above[at] if at < len(above) else 0, place)
        ]
        for _, at, option in sorted(better, key=lambda one: (-one[0], one[1:])):
            if option < now.places[at]:
                then = self._see(_with(now.places, at, option))
                now = then if then.params <= budget else now
        return now.places

    def model(self, places: Places) -> ModelSpec:
        """The model that options make."""
        kept, picks = self._chosen(places)
        shapes, layers = self.bound.shapes(kept), Layers()
        for group, pick in zip(self._groups, picks, strict=True):
            layers |= group.layers(pick, shapes)
        return self.bound.model(kept, layers)

    def _options(self, at: int) -> int:
        thin = len(self.channels)
        return len(self.channels[at] if at < thin else self.layers[at - thin])

    def _loss(self, at: int, option: int) -> float:
        thin = len(self.channels)
        return self.channels[at][option].loss if at < thin else self.layers[at - thin][option].loss

    def _chosen(self, places: Places) -> tuple[Kept, list[Pick]]:
        thin = len(self.channels)
        kept = [own[place].kept for own, place in zip(self.channels, places[:thin], strict=True)]
        picks = [own[place].pick for own, place in zip(self.layers, places[thin:], strict=True)]
        return self.bound.thinning.joined(kept), picks

    def _see(self, places: Places) -> _Seen:
        loss = sum([self._loss(at, place) for at, place in enumerate(places)])
        kept, picks = self._chosen(places)
        shapes = self.bound.shapes(kept)
        params = self.bound.thinning.other_params(kept) + sum(
            [shapes[name].params for name in self._unsearched]
        )
        for group, pick in zip(self._groups, picks, strict=True):
            params += self._size(group, pick, shapes)
        return _Seen(params, loss, places)

    def _size(self, group: Group, pick: Pick, shapes: Shapes) -> int:
        key = (group.name, pick, *[shapes[name] for name in group.members])
        if key not in self._sizes:
            if len(self._sizes) >= _ROOM:
                self._sizes.clear()
            self._sizes[key] = group.params(pick, shapes)
        return self._sizes[key]


def _with(places: Places, at: int, option: int) -> Places:
    return (*places[:at], option, *places[at + 1 :])


def _rate(now: _Seen, then: _Seen) -> float:
    """Loss per parameter that is saved."""
    return (then.loss - now.loss) / (now.params - then.params)


_OptionT = TypeVar("_OptionT", _Thin, Option)


def _rising(options: Iterable[_OptionT]) -> list[_OptionT]:
    """What is left, of options by falling size, without those that lose no less than a smaller one."""
    kept: list[_OptionT] = []
    for option in reversed(list(options)):
        if not kept or option.loss < kept[-1].loss:
            kept.append(option)
    return kept[::-1]


def _layer_options(group: Group, rows: Sequence[Row], shapes: Shapes) -> list[Option]:
    """What may become of layers, as far as it was measured, by falling parameters and rising loss."""
    return _rising(sorted(options_of(group, rows, shapes), key=lambda one: (-one.params, -one.loss)))


def _thin_options(choice: ChannelChoice, thinning: Thinning, rows: Sequence[ChannelRow]) -> list[_Thin]:
    """What a choice may keep, as far as it was measured, by falling counts and rising loss."""
    losses = {(row.group, row.kept): row.divergence for row in rows}
    losses |= {(group.name, group.size): 0.0 for group in thinning.groups}
    found = []
    for kept in _chosen_counts(choice):
        names = (thinning.groups[place].name for place in choice.members)
        own = [losses.get(member) for member in zip(names, kept, strict=True)]
        known = [loss for loss in own if loss is not None]
        if len(known) == len(own):
            found.append(_Thin(kept, sum(known)))
    return _rising(found)


def _chosen_counts(choice: ChannelChoice) -> list[tuple[int, ...]]:
    """The largest counts of a choice, then those nearest to shares that are measured; none twice."""
    largest = tuple([own[-1] for own in choice.counts])
    return list(dict.fromkeys([largest, *map(choice.at, SHARES)]))

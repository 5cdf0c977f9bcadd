"""How many channels of each group stay: the choices of a search, and the way back from counts to answers."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcsearch.core.errors import InputError
from lcsearch.core.parameters import Number, Trial
from lcsearch.core.ranges import Share
from lcsearch.core.text import counted
from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.search.space.thin_sizes import Kept, ThinSizes

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.nets.channels import ChannelGroup, ChannelGroups, Cut


def nearest(share: float, size: int, step: int) -> int:
    """The number of channels nearest to a share that is a multiple of ``step``; all of them at share 1.

    Returns:
        At least ``step``, at most ``size``, which need not be a multiple.
    """
    if share == 1:
        return size
    return min(size, max(step, step * math.floor(share * size / step + 0.5)))


def allowed(channels: Share, size: int, step: int) -> tuple[int, ...]:
    """The numbers of channels that a rule allows a group of a size, rising.

    Raises:
        ValueError: No multiple of ``step`` is near the shares, which leave out all channels.
    """
    if channels.high < 1 and step * math.floor(channels.high * size / step + 0.5) == 0:
        raise ValueError(f"no multiple of {step} is at most {channels.high:g} of {size}")
    low, high = (nearest(share, size, step) for share in (channels.low, channels.high))
    return (*range(low, high, step), high)


@dataclass(frozen=True, slots=True, eq=False)
class ChannelChoice:
    """One share for the channels of one group, or of several that share a choice.

    Attributes:
        name: What the parameter is named after: ``features.4/channels``.
        members: Places of the groups in `Thinning.groups`.
        number: The share that is asked for.
        sizes: Channels of each member.
        counts: Numbers of channels that each member may have, rising.
    """

    name: str
    members: tuple[int, ...]
    number: Number
    sizes: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]

    def suggest(self, trial: Trial, shrink: float) -> tuple[int, ...]:
        """Ask for a share and take the counts nearest to it.

        Args:
            trial: Answers.
            shrink: Factor on the share, which does not go below the rule's low.
        """
        return self.at(max(self.number.range.low, self.number.suggest(trial) * shrink))

    def at(self, share: float) -> tuple[int, ...]:
        """The allowed count of each member that is nearest to a share."""
        return tuple([_at(share, size, own) for size, own in zip(self.sizes, self.counts, strict=True)])

    def share(self, kept: tuple[int, ...]) -> float | None:
        """An answer that gives these counts; None where there is none."""
        low, high = self.number.range.low, self.number.range.high
        for size, own, count in zip(self.sizes, self.counts, kept, strict=True):
            place = bisect_right(own, count) - 1
            if place < 0 or own[place] != count:
                return None
            if place > 0:
                low = max(low, (own[place - 1] + count) / (2 * size))
            if place + 1 < len(own):
                high = min(high, (own[place + 1] + count) / (2 * size))
        own_share, middle = kept[0] / self.sizes[0], (low + high) / 2
        # At an end a share may fall to the next count once it is divided by a factor and multiplied again.
        inside = low < own_share <= high or own_share == self.number.range.low
        first = own_share if inside else middle
        tried = (share for share in (first, middle, own_share, low, high) if low <= share <= high)
        return next((share for share in tried if self.at(share) == kept), None)

    def least_shrink(self, kept: tuple[int, ...]) -> float | None:
        """The smallest common factor with which `suggest` can give these counts; None where none can."""
        share = self.share(kept)
        return None if share is None else share / self.number.range.high

    def answer(self, kept: tuple[int, ...], shrink: float) -> float | None:
        """The answer to `suggest` that makes it give these counts; None where there is none."""
        share = self.share(kept)
        return None if share is None else self.number.clip(share / shrink)


def _at(share: float, size: int, own: Sequence[int]) -> int:
    """The nearest of rising counts, the larger of two that are as near."""
    wanted = share * size
    place = max(0, bisect_right(own, wanted) - 1)
    if place + 1 < len(own) and wanted >= (own[place] + own[place + 1]) / 2:
        return own[place + 1]
    return own[place]


@dataclass(frozen=True, slots=True, eq=False)
class Thinning:
    """The groups of channels of a net, and what a space searches of them.

    Attributes:
        found: The groups, and the channels that stay whole.
        choices: What is searched, in the order of the groups.
        most: The counts of the largest model of the space.
        least: Those of the smallest.
        sizes: Arithmetic.
        image_size: Height and width of the images on which the groups were found; None where there are none.
    """

    found: ChannelGroups
    choices: tuple[ChannelChoice, ...]
    most: Kept
    least: Kept
    sizes: ThinSizes
    image_size: tuple[int, int] | None

    @property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """All groups of the net, in module order of their first makers."""
        return self.found.groups

    @property
    def full(self) -> Kept:
        """The counts of the plain net."""
        return self.sizes.full

    def suggest(self, trial: Trial, shrink: float) -> Kept:
        """Ask for every choice; ``shrink`` as for `ChannelChoice.suggest`."""
        return self.joined([choice.suggest(trial, shrink) for choice in self.choices])

    def joined(self, chosen: Iterable[tuple[int, ...]]) -> Kept:
        """The counts of all groups, from those of each choice."""
        kept = list(self.most)
        for choice, own in zip(self.choices, chosen, strict=True):
            for place, count in zip(choice.members, own, strict=True):
                kept[place] = count
        return tuple(kept)

    def chosen(self, kept: Kept) -> list[tuple[int, ...]]:
        """The counts of each choice: the inverse of `joined`."""
        return [tuple([kept[place] for place in choice.members]) for choice in self.choices]

    def shapes(self, kept: Kept) -> Shapes:
        """The shapes of all convolutions that can be replaced, in module order; no net is built."""
        return self.sizes.shapes(kept)

    def shape(self, name: str, kept: Kept) -> ConvShape:
        """The shape of one of them."""
        return self.sizes.shape(name, kept)

    def follows(self, name: str) -> Hashable:
        """What decides the shape of one of them: equal where shapes that are equal at first stay so."""
        return tuple(tuple(self._lies(*one) for one in own) for own in self.sizes.around(name))

    def _lies(self, place: int, cut: Cut) -> Hashable:
        """Which choice decides a group, what it allows, and how many places a channel takes."""
        for index, choice in enumerate(self.choices):
            if place in choice.members:
                own = choice.members.index(place)
                return index, choice.sizes[own], choice.counts[own], cut.repeat, cut.blocks
        return None, self.full[place], self.most[place], cut.repeat, cut.blocks

    def other_params(self, kept: Kept) -> int:
        """Parameters outside these convolutions; no net is built."""
        return self.sizes.other_params(kept)

    def channels(self, kept: Kept) -> dict[str, float]:
        """The shares that a spec holds: canonical, without the groups that keep all."""
        names = (group.name for group in self.groups)
        return self.found.channels(dict(zip(names, kept, strict=True)))

    def counts(self, channels: Mapping[str, float]) -> Kept:
        """The counts that a spec's shares mean.

        Raises:
            InputError: They are none of this net's.
        """
        if not channels:
            return self.full
        kept = self.found.kept(channels)
        return tuple([kept[group.name] for group in self.groups])

    def kept(self, channels: Mapping[str, float]) -> Kept | None:
        """As `counts`; None where the shares are none of this net's."""
        try:
            return self.counts(channels)
        except InputError:
            return None

    def least_shrinks(self, kept: Kept) -> list[float | None]:
        """By choice: the smallest common factor with which its answer can give these counts."""
        chosen = zip(self.choices, self.chosen(kept), strict=True)
        return [choice.least_shrink(own) for choice, own in chosen]

    def answers(self, kept: Kept, shrink: float) -> dict[str, float] | None:
        """The answers to `suggest`, by parameter, that give these counts; None where there are none."""
        chosen = self.chosen(kept)
        if self.joined(chosen) != kept:
            return None
        found: dict[str, float] = {}
        for choice, own in zip(self.choices, chosen, strict=True):
            answer = choice.answer(own, shrink)
            if answer is None:
                return None
            found[choice.number.name] = answer
        return found

    def allowed_at(self, share: float) -> Kept:
        """Every choice at one share, as near as the space allows."""
        return self.joined([choice.at(choice.number.clip(share)) for choice in self.choices])

    def at(self, share: float) -> Kept:
        """Every group at one share, as near as it can be."""
        return tuple([nearest(share, group.size, group.blocks) for group in self.groups])

    def whole_words(self) -> str | None:
        """Say in a line which channels cannot go, and why; None where all can."""
        return self.found.whole_words()

    def words(self) -> str | None:
        """Say in a line what is searched, and what cannot be; None where nothing was looked for."""
        whole = self.whole_words()
        if not self.groups:
            return whole
        members = sum(len(choice.members) for choice in self.choices)
        line = f"channels of {members} of {counted(len(self.groups), 'group')} are searched"
        return f"{line}; {whole}" if whole else line


def nothing(model: nn.Module) -> Thinning:
    """Of a space that lets no channels go: the net's groups are not looked for."""
    from lcsearch.nets.channels import ChannelGroups

    return Thinning(ChannelGroups(), (), (), (), ThinSizes(model, ()), None)

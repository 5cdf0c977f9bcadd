"""Groups of channels as plain data, and the arithmetic of what stays of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lcsearch.core.errors import InputError, no_such
from lcsearch.core.strict import format_path
from lcsearch.core.text import listed

Places = npt.NDArray[np.int64]
"""Numbers of channels, or places of a tensor."""


class Whole(NamedTuple):
    """Channels that cannot be thinned.

    Attributes:
        name: Module name of a layer whose outputs they are.
        why: Why, in a few words: ``the convolution has 32 groups``.
    """

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the channels of a group lie in one tensor.

    Channel c is the places from ``offset + c * repeat`` on, ``repeat`` of them: a linear layer behind a
    flattened map reads each channel at several places. A grouped convolution's weight has places for the
    channels of one block alone: dimension 0 comes in as many blocks, and in each of them place i is channel i
    of that block.

    Attributes:
        tensor: Name of a parameter or buffer of the net.
        dim: The dimension that is cut.
        offset: The first place; not 0 behind a concatenation.
        repeat: Places per channel.
        blocks: How many blocks of channels share the same places.
    """

    tensor: str
    dim: int
    offset: int = 0
    repeat: int = 1
    blocks: int = 1

    def length(self, channels: int) -> int:
        """How many places along the dimension so many channels take."""
        return channels * self.repeat // self.blocks

    def places(self, size: int, channels: Places) -> Places:
        """Where channels lie along the dimension.

        Args:
            size: How many the group has.
            channels: Their numbers (n,); equally many of each block.

        Returns:
            A row of places (blocks, n * repeat / blocks) for each block.
        """
        in_block = channels.reshape(self.blocks, -1) % (size // self.blocks)
        each = self.offset + in_block[..., None] * self.repeat + np.arange(self.repeat)
        return each.reshape(self.blocks, -1)


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """Channels that stay or go together.

    Attributes:
        name: Module name of the first maker.
        size: How many channels there are.
        makers: Convolutions and linear layers whose outputs they are, in module order.
        cuts: Where they lie, in makers, in the layers that read them, and in what stands between.
        blocks: Equal parts, one after another, of which equally many must stay: a grouped convolution's.
    """

    name: str
    size: int
    makers: tuple[str, ...]
    cuts: tuple[Cut, ...]
    blocks: int = 1

    def first(self, count: int) -> Places:
        """Numbers of the first channels, as many of each block; a multiple of ``blocks`` in all."""
        if count % self.blocks:
            raise ValueError(f"{self.name}: {count} channels do not divide into {self.blocks} blocks")
        return np.arange(self.size).reshape(self.blocks, -1)[:, : count // self.blocks].ravel()


@dataclass(frozen=True)
class ChannelGroups:
    """All groups of a net.

    Attributes:
        groups: In module order of their first makers.
        whole: Channels that cannot be thinned.
    """

    groups: tuple[ChannelGroup, ...] = ()
    whole: tuple[Whole, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, ChannelGroup]:
        """Groups by name."""
        return {group.name: group for group in self.groups}

    def __getitem__(self, name: str) -> ChannelGroup:
        """The group of a name.

        Raises:
            InputError: There is none; names the nearest, or says why these channels stay.
        """
        if name in self.by_name:
            return self.by_name[name]
        whys = {whole.name: whole.why for whole in self.whole}
        if name in whys:
            raise InputError(f"channels: those of {name!r} stay: {whys[name]}")
        raise InputError(f"channels: {no_such('group of channels', name, list(self.by_name))}")

    def kept(self, channels: Mapping[str, float]) -> dict[str, int]:
        """How many channels of each group stay.

        Args:
            channels: Name of a group to the share that stays; of others all stay.

        Raises:
            InputError: A group is unknown, or a share is not in (0, 1].
        """
        counts = {group.name: group.size for group in self.groups}
        for name, share in channels.items():
            group = self[name]
            if not 0 < share <= 1:
                where = format_path(("channels", name))
                raise InputError(f"{where}: {share!r} is not allowed; it must be in (0, 1]")
            counts[name] = count_at(share, group.size, group.blocks)
        return counts

    def channels(self, kept: Mapping[str, int]) -> dict[str, float]:
        """The one share that means each count; groups of which all stay are left out."""
        sizes = {group.name: group.size for group in self.groups}
        return {
            name: round(kept[name] / size, 6) for name, size in sizes.items() if kept.get(name, size) < size
        }

    def whole_words(self) -> str | None:
        """Say in a line which channels cannot go, and why.

        Returns:
            ``channels that stay: stem, conv2 ('norm' is a LayerNorm)``; None where all can go.
        """
        names: dict[str, list[str]] = defaultdict(list)
        for name, why in self.whole:
            names[why].append(name)
        reasons = [f"{listed(own)} ({why})" if any(own) else why for why, own in names.items()]
        return f"channels that stay: {'; '.join(reasons)}" if reasons else None

    def thinned(self, kept: Mapping[str, int]) -> ChannelGroups:
        """The groups of the net that is left when so many channels of each stay."""
        sizes = {group.name: kept.get(group.name, group.size) for group in self.groups}
        lost: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        for group in self.groups:
            for cut in group.cuts:
                gone = cut.length(group.size) - cut.length(sizes[group.name])
                lost[cut.tensor, cut.dim].append((cut.offset, gone))

        def moved(cut: Cut) -> Cut:
            before = sum(gone for offset, gone in lost[cut.tensor, cut.dim] if offset < cut.offset)
            return replace(cut, offset=cut.offset - before)

        made = [
            replace(group, size=sizes[group.name], cuts=tuple(moved(cut) for cut in group.cuts))
            for group in self.groups
        ]
        return replace(self, groups=tuple(made))


def count_at(share: float, size: int, blocks: int = 1) -> int:
    """Channels of so many that a share means: equally many of each block, at least 1."""
    return blocks * min(size // blocks, max(1, round(share * size / blocks)))

"""Sizes of a thinned net by arithmetic: from the plain net's tensors and the places where channels lie."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from lcsearch.layers.shape import ConvShape, Shapes

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lcsearch.nets.channels import ChannelGroup, Cut

Kept = tuple[int, ...]
"""Channels that stay, one number for each group of a net, in their order."""

Counts = Hashable
"""Some numbers of `Kept`: a key of what they decide."""

_ROOM = 2_000
"""Sets of shapes that are remembered; above, all are forgotten."""


def counts_at(places: Sequence[int]) -> Callable[[Kept], Counts]:
    """What picks the counts at some places: samplers do so thousands of times per proposal."""
    return itemgetter(*places) if places else _none


def _none(_: Kept) -> Counts:
    return ()


class _Part(NamedTuple):
    """Channels of a group in one dimension of a tensor.

    Attributes:
        group: The group's place.
        cut: Where they lie.
    """

    group: int
    cut: Cut


_Parts = tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Conv:
    """A convolution of the plain net and what of it is cut.

    Attributes:
        shape: Of the plain net.
        out: Of its output channels.
        into: Of its input channels.
        counts: Picks those of the groups that these are of.
        known: Its shapes, by the counts that decide them.
    """

    shape: ConvShape
    out: _Parts
    into: _Parts
    counts: Callable[[Kept], Counts]
    known: dict[Counts, ConvShape]

    def at(self, kept: Kept, full: Kept) -> ConvShape:
        """The shape that is left where so many channels of each group stay."""
        own = self.counts(kept)
        found = self.known.get(own)
        if found is None:
            found = self.known[own] = self._without(
                _removed(self.out, kept, full), _removed(self.into, kept, full)
            )
        return found

    def _without(self, out: int, into: int) -> ConvShape:
        shape, left = self.shape, self.shape.out_channels - out
        if shape.groups == shape.in_channels == shape.out_channels:  # channel by channel
            return ConvShape(left, left, shape.kernel, left, shape.bias)
        of_one = shape.in_channels // shape.groups - into
        return ConvShape(of_one * shape.groups, left, shape.kernel, shape.groups, shape.bias)


_Dims = tuple[tuple[int, _Parts], ...]
"""The size and what is cut of each dimension of a tensor."""


@dataclass(frozen=True, slots=True)
class _Others:
    """Numbers outside of convolutions, of tensors whose sizes the same groups decide.

    Attributes:
        tensors: Their dimensions, and how many have these.
        counts: Picks those of the groups.
        known: Their numbers in all, by the counts that decide them.
    """

    tensors: tuple[tuple[_Dims, int], ...]
    counts: Callable[[Kept], Counts]
    known: dict[Counts, int]

    def at(self, kept: Kept, full: Kept) -> int:
        """The numbers that are left where so many channels of each group stay."""
        own = self.counts(kept)
        found = self.known.get(own)
        if found is None:
            found = self.known[own] = sum([many * _left(dims, kept, full) for dims, many in self.tensors])
        return found


def _left(dims: _Dims, kept: Kept, full: Kept) -> int:
    return math.prod([size - _removed(parts, kept, full) for size, parts in dims])


class ThinSizes:
    """Sizes of a net with fewer channels, equal to those of the net that is built.

    Args:
        model: The plain net; the meta device is enough.
        groups: Its groups of channels.
    """

    def __init__(self, model: nn.Module, groups: Sequence[ChannelGroup]) -> None:
        from lcsearch.nets.replaceable import conv_layers, shape_of

        self.full: Kept = tuple(group.size for group in groups)
        convs, parts = conv_layers(model), _parts(model, groups)
        self._convs = {}
        for name, conv in convs.items():
            out, into = (parts.get((conv.weight, dim), ()) for dim in (0, 1))
            counts = counts_at([part.group for part in (*out, *into)])
            self._convs[name] = _Conv(shape_of(conv), out, into, counts, {})
        inside = {parameter for conv in convs.values() for parameter in conv.parameters()}
        outside = [parameter for parameter in model.parameters() if parameter not in inside]
        tensors = Counter(
            tuple((size, parts.get((own, dim), ())) for dim, size in enumerate(own.shape)) for own in outside
        )
        self._others = _by_places(tensors)
        self._shapes: dict[Kept, Shapes] = {}

    def shapes(self, kept: Kept) -> Shapes:
        """The shapes of all convolutions that can be replaced, in module order."""
        found = self._shapes.get(kept)
        if found is None:
            if len(self._shapes) >= _ROOM:
                self._shapes.clear()
            convs = self._convs.items()
            found = self._shapes[kept] = {name: conv.at(kept, self.full) for name, conv in convs}
        return found

    def shape(self, name: str, kept: Kept) -> ConvShape:
        """The shape of one of them: that of every other is not worked out."""
        return self._convs[name].at(kept, self.full)

    def around(self, name: str) -> tuple[tuple[tuple[int, Cut], ...], ...]:
        """Groups whose channels one of them makes, and reads, by their places, and where these lie."""
        conv = self._convs[name]
        return tuple(tuple((part.group, part.cut) for part in own) for own in (conv.out, conv.into))

    def other_params(self, kept: Kept) -> int:
        """Parameters outside these convolutions."""
        return sum([others.at(kept, self.full) for others in self._others])


def _by_places(tensors: Mapping[_Dims, int]) -> list[_Others]:
    """Tensors by the groups that decide their sizes: none for those that stay as they are."""
    found: dict[tuple[int, ...], list[tuple[_Dims, int]]] = {}
    for dims, many in tensors.items():
        places = dict.fromkeys(part.group for _, parts in dims for part in parts)
        found.setdefault(tuple(places), []).append((dims, many))
    return [_Others(tuple(own), counts_at(places), {}) for places, own in found.items()]


def _parts(model: nn.Module, groups: Sequence[ChannelGroup]) -> Mapping[tuple[Tensor, int], _Parts]:
    """What is cut of each parameter and dimension, once where a tensor has several names."""
    found: dict[tuple[Tensor, int], dict[_Part, None]] = {}
    for parameter, dim, part in _all_parts(model, groups):
        found.setdefault((parameter, dim), {})[part] = None
    return {place: tuple(parts) for place, parts in found.items()}


def _all_parts(model: nn.Module, groups: Sequence[ChannelGroup]) -> Iterator[tuple[Tensor, int, _Part]]:
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for place, group in enumerate(groups):
        for cut in group.cuts:
            if cut.tensor in parameters:  # buffers are never counted
                yield parameters[cut.tensor], cut.dim, _Part(place, replace(cut, tensor=""))


def _removed(parts: _Parts, kept: Kept, full: Kept) -> int:
    return sum([part.cut.length(full[part.group] - kept[part.group]) for part in parts])

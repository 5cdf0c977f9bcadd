"""Which convolutions of a net share filters, as published: those of one stage with equal shapes.

Names and shapes alone say it. A *block* is the innermost part of a net that holds several convolutions and
has a neighbour that does; a convolution that lies in no such part is a block by itself. A *stage* are blocks
one after another, in one part of the net, that make as many channels. The first block of a stage reads other
maps than the others, and stays plain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal, NamedTuple, get_args

from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.layers.shared_sizes import refusal

ShareBy = Literal["stage", "position"]
"""All of a stage share, or those at one position of its blocks."""
WAYS: tuple[ShareBy, ...] = get_args(ShareBy)
NONE = "none"
"""Nobody shares."""

_FIRST = "it is in the first block of its stage"
_ALONE = "no other layer of its stage has its shape"


class Sets(NamedTuple):
    """Who shares.

    Attributes:
        members: Names of the layers that share, by the first of them.
        left: Why each other convolution stays plain, in words.
    """

    members: dict[str, tuple[str, ...]]
    left: dict[str, str]


def sets_of(shapes: Shapes, share_by: ShareBy) -> Sets:
    """Find the layers that share filters.

    Args:
        shapes: All convolutions, in module order.
        share_by: Who shares.
    """
    found, left = dict[str, tuple[str, ...]](), dict[str, str]()
    for stage in _stages(shapes):
        left |= dict.fromkeys(stage[0], _FIRST)
        alike: dict[tuple[ConvShape, int], list[str]] = {}
        for block in stage[1:]:
            for position, name in enumerate(block):
                shape = replace(shapes[name], bias=False)
                key = shape, position if share_by == "position" else 0
                alike.setdefault(key, []).append(name)
        for names in alike.values():
            if len(names) > 1:
                found[names[0]] = tuple(names)
            else:
                left[names[0]] = _ALONE
    left |= {name: why for name, shape in shapes.items() if (why := refusal(shape)) is not None}
    members = {name: own for name, own in found.items() if name not in left}
    return Sets(members, {name: left[name] for name in shapes if name in left})


def _stages(shapes: Shapes) -> list[list[list[str]]]:
    """Blocks of names, in stages."""
    held = Counter(place for name in shapes for place in _above(name))
    blocks: dict[str, list[str]] = {}
    for stage in _runs(_blocks(list(shapes), held), shapes):
        names, *others = stage.values()
        blocks |= stage if others else {_alone(name, held): [name] for name in names}  # a chain
    return [list(stage.values()) for stage in _runs(blocks, shapes)]


def _runs(blocks: Mapping[str, list[str]], shapes: Shapes) -> list[dict[str, list[str]]]:
    """Blocks one after another that lie in one part of the net and make as many channels."""

    def made(block: tuple[str, list[str]]) -> tuple[str, int]:
        place, names = block
        return _parent(place), shapes[names[-1]].out_channels

    return [dict(own) for _, own in groupby(blocks.items(), key=made)]


def _blocks(names: Sequence[str], held: Mapping[str, int]) -> dict[str, list[str]]:
    """Names by the place of their block.

    Args:
        names: Of convolutions.
        held: How many lie in each place.
    """
    parts = Counter(_parent(place) for place, count in held.items() if count > 1)
    found: dict[str, list[str]] = {}
    for name in names:
        places = (place for place in _above(name) if held[place] > 1 and parts[_parent(place)] > 1)
        found.setdefault(next(places, _alone(name, held)), []).append(name)
    return found


def _alone(name: str, held: Mapping[str, int]) -> str:
    """The outermost place that holds a convolution and no other."""
    return next((place for place in reversed(_above(name)) if held[place] == 1), name)


def _above(name: str) -> list[str]:
    """The places that a module lies in, the innermost first."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _parent(place: str) -> str:
    return place.rpartition(".")[0]

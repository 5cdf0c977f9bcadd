"""What may become of the layers that share a choice, as far as their losses were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lcsearch.compress.sensitivity import Row
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.groups import PLAIN, Group, Layers, Pick


class Option(NamedTuple):
    """One thing that may become of a group: what it costs in parameters and in loss."""

    params: int
    loss: float
    layers: Layers
    pick: Pick


def options_of(group: Group, rows: Sequence[Row], shapes: Shapes) -> list[Option]:
    """What may become of a group, as far as it was measured.

    Args:
        group: The group.
        rows: What layers lose alone.
        shapes: The shapes of all convolutions of the plain net, for which that was measured.
    """
    own = [row for row in rows if row.layer in group.members]
    losses = {(row.layer, row.way.spec): row.divergence for row in own}
    found: dict[tuple[tuple[str, LayerSpec], ...], Option] = {}
    for pick in _picks(group, own, shapes):
        layers = group.layers(pick, shapes)
        measured = [losses.get(layer) for layer in layers.items()]
        known = [loss for loss in measured if loss is not None]
        if len(known) == len(measured) and group.find(layers, shapes) is not None:
            found[tuple(layers.items())] = Option(group.params(pick, shapes), sum(known), layers, pick)
    return list(found.values())


def _picks(group: Group, rows: Sequence[Row], shapes: Shapes) -> Iterator[Pick]:
    """Choices of a group that may give its members what was measured."""
    if group.may_be_plain:
        yield PLAIN
    for row in rows:
        kind = row.way.spec.family
        if kind in group.offers:
            for own in group.offers[kind].near(row.way.spec, shapes[row.layer]):
                yield Pick(kind, own)

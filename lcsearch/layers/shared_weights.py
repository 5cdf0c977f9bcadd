"""About what share of the numbers of some layers a choice of shared and unique filters stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.layers.shared_choice import Chosen, Way, most_unique
from lcsearch.layers.shared_sizes import bank_params, own_params


class Weights:
    """About what share of the numbers of some layers filters are, their biases left out.

    Args:
        way: Who shares.
        shapes: All layers, those that do not share too.
    """

    def __init__(self, way: Way, shapes: Shapes) -> None:
        whole = sum(shape.macs for shape in shapes.values())
        self._plain = sum(shapes[name].macs for name in shapes if name not in way.layers) / whole
        self._banks = [sum(_all_shared(bank, shapes)) / whole for bank in way.banks]
        self._layers = {name: _all_unique(shapes[name]) / whole for name in way.layers}

    def __call__(self, way: Way, own: Chosen) -> float:
        """The share of a choice."""
        banks = zip(self._banks, way.of_banks(own), strict=True)
        shared = sum(weight * share for weight, (_, share) in banks)
        unique = sum(self._layers[name] * share for name, share in way.of_layers(own).items())
        return self._plain + shared + unique

    def share_at(self, shared: float) -> float:
        """What a share of the most shared filters makes."""
        return self._plain + shared * sum(self._banks)

    def shared_at(self, share: float) -> float:
        """Which share of the most shared filters makes a share, at least about one filter."""
        return max(1e-9, share - self._plain) / sum(self._banks)

    def unique_at(self, share: float) -> float:
        """Which share of the most unique filters makes a share."""
        return share / sum(self._layers.values())


def _all_shared(bank: Iterable[str], shapes: Shapes) -> Iterator[int]:
    """Numbers of a bank of the most filters and of what mixes them, without biases."""
    own = [shapes[name] for name in bank]
    yield bank_params(own[0], own[0].filter_size)
    for shape in own:
        yield own_params(shape, shape.filter_size, 0) - shape.bias_size


def _all_unique(shape: ConvShape) -> int:
    return own_params(shape, 0, most_unique(shape)) - shape.bias_size

"""A family of layers: all filters are linear combinations of a few learned ones.

With U the (out, r) coefficients and V the r learned filters, the filters are U V.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from annotated_types import Ge
from pydantic import Field

from lcsearch.core.checked import Checked
from lcsearch.core.parameters import Number, Trial
from lcsearch.core.ranges import Share
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.family import Family, Numbers
from lcsearch.layers.guesses import Suits, between
from lcsearch.layers.offer import End, Offer, Rule, nudge
from lcsearch.layers.shape import ConvShape, Places, Shapes, Size

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from lcsearch.layers.closeness import Target
    from lcsearch_example.layer import FactoredConv2d


@dataclass(frozen=True, slots=True)
class FactoredSpec(LayerSpec, Checked):
    """How many filters are learned."""

    family: ClassVar[str] = "factored"

    learned: Annotated[int, Ge(1)] = 1


class FactoredRule(Rule):
    """What a space may say."""

    kept: Share = Field(
        default=Share(low=0.1, high=1.0, log=True), description="Learned filters / all filters, in (0, 1]."
    )


class Kept(NamedTuple):
    """A choice: the share of learned filters."""

    share: float


class FactoredOffer(Offer[FactoredSpec, Kept]):
    """One share for all members of a group."""

    def __init__(self, family: FactoredFamily, rule: FactoredRule, group: str, shapes: Shapes) -> None:
        super().__init__(group, shapes)
        self._family = family
        self._kept = Number(f"{group}/kept", rule.kept)

    @property
    def parameters(self) -> Sequence[Number]:
        return [self._kept]

    def suggest(self, trial: Trial, shrink: float) -> Kept:
        return Kept(self._kept.clip(self._kept.suggest(trial) * shrink))

    def answers(self, own: Kept, shrink: float) -> dict[str, float | str]:
        return {self._kept.name: self._kept.clip(own.share / shrink)}

    def least_shrink(self, own: Kept) -> float:
        return own.share / self._kept.range.high

    def layers(self, own: Kept, shapes: Shapes) -> dict[str, FactoredSpec]:
        made = ((name, self._family.of_share(shapes[name], own.share)) for name in self.members)
        return {name: spec for name, spec in made if spec is not None}

    def guesses(self, wanted: Mapping[str, FactoredSpec], shapes: Shapes) -> Iterator[Kept]:
        outs = {name: shapes[name].out_channels for name in wanted}
        suits = [Suits.around(spec.learned / outs[name], 1 / outs[name]) for name, spec in wanted.items()]
        yield from map(Kept, between(self._kept, suits))

    def near(self, spec: FactoredSpec, shape: ConvShape) -> Iterator[Kept]:
        share = spec.learned / shape.out_channels
        if self._kept.range.low <= share <= self._kept.range.high:
            yield Kept(share)

    def extreme(self, shapes: Shapes, end: End) -> Kept:
        return Kept(self._kept.range.low if end == "smallest" else self._kept.range.high)

    def at_share(self, share: float, shapes: Shapes) -> dict[str, FactoredSpec]:
        return self.layers(Kept(share), shapes)

    def allowed(self, share: float) -> float:
        return self._kept.clip(share)

    def share(self, own: Kept) -> float:
        return own.share

    def keeping(self, share: float, rng: np.random.Generator) -> Kept:
        return Kept(self._kept.clip(share))

    def nudged(self, own: Kept, rng: np.random.Generator) -> Kept:
        return Kept(self._kept.clip(own.share * nudge(rng)))

    def scaled(self, own: Kept, factor: float) -> Kept:
        return Kept(self._kept.clip(own.share * factor))


class FactoredFamily(Family[FactoredSpec]):
    """Filters of low rank."""

    name = "factored"
    colour = "#cc79a7"
    spec = FactoredSpec
    features = 1

    def refuses(self, shape: ConvShape) -> str | None:
        return None if shape.groups == 1 else "it has groups"

    def of_share(self, shape: ConvShape, share: float) -> FactoredSpec | None:
        return self.canonical(shape, FactoredSpec(max(1, round(share * shape.out_channels))))

    def canonical(self, shape: ConvShape, spec: FactoredSpec) -> FactoredSpec | None:
        if shape.groups != 1:
            raise ValueError("a factored layer cannot have groups")
        return spec if self.size(shape, spec).stored < shape.params else None

    def size(self, shape: ConvShape, spec: FactoredSpec) -> Size:
        params = spec.learned * (shape.filter_size + shape.out_channels) + shape.bias_size
        return Size(params, params)

    def macs(self, shape: ConvShape, spec: FactoredSpec, places: Places) -> int:
        return places.made * min(shape.macs, spec.learned * (shape.filter_size + shape.out_channels))

    def fresh(self, conv: nn.Conv2d, spec: FactoredSpec) -> FactoredConv2d:
        from lcsearch.layers.geometry import Geometry
        from lcsearch_example.layer import FactoredConv2d

        return FactoredConv2d(Geometry.of(conv), spec.learned, conv.weight.device, conv.weight.dtype)

    def spec_of(self, layer: Any) -> FactoredSpec:
        return FactoredSpec(len(layer.basis))

    def fit(self, layer: Any, target: Target) -> None:
        layer.take(target.filters)

    @property
    def rule(self) -> type[FactoredRule]:
        return FactoredRule

    def offer(self, rule: FactoredRule, group: str, shapes: Shapes) -> FactoredOffer:
        return FactoredOffer(self, rule, group, shapes)

    def describe(self, shape: ConvShape, spec: FactoredSpec) -> tuple[float]:
        return (spec.learned / shape.out_channels - 1,)

    def words(self, spec: FactoredSpec) -> str:
        return f"{spec.learned} learned filters"

    def numbers(self, spec: FactoredSpec) -> Numbers:
        return {"learned": spec.learned}

    def cells(self, numbers: Numbers) -> tuple[str, str]:
        return str(numbers["learned"]), "factored"

    def coordinates(self, spec: FactoredSpec | None) -> tuple[float]:
        return (0.0,) if spec is None else (float(spec.learned),)


FAMILY = FactoredFamily()

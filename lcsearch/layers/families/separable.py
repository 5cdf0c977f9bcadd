"""The family ``separable``: blueprint-separable layers (arXiv 2003.13549), with K terms.

Each filter is a sum of K terms: a blueprint of its own times one number per input channel. The layer itself
is ``lcsearch.layers.SeparableConv2d``, its arithmetic ``lcsearch.layers.separable_sizes``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge

from lcsearch.core.checked import Checked
from lcsearch.core.spec import LayerSpec
from lcsearch.core.text import counted, format_share
from lcsearch.layers import separable_sizes
from lcsearch.layers.family import Family, Numbers, Way
from lcsearch.layers.option import Option
from lcsearch.layers.shape import ConvShape, Places, Shapes, Size

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.layers.closeness import Target
    from lcsearch.layers.layer import FamilyLayer
    from lcsearch.layers.separable_conv import SeparableConv2d
    from lcsearch.layers.separable_offer import SeparableOffer
    from lcsearch.layers.separable_rule import SeparableRule

MOST_TERMS = 4
"""Up to so many terms what a layer loses alone is measured, in full."""
RANK_RATIOS = (1 / 2, 1 / 4)
"""Ranks that are measured beside full mixing, as shares of the input channels."""
_LOW_RANK_TERMS = 2
"""Up to so many terms they are."""
_AREA = 9
"""Numbers of the usual kernel, for what is said of layers whose kernel is not known."""
_FULL_RANK_LOG2 = 12.0
_fields = attrgetter("terms", "rank")


@dataclass(frozen=True, slots=True)
class SeparableSpec(LayerSpec, Checked):
    """A separable layer.

    Attributes:
        terms: K >= 1, blueprints of each filter, at most kh * kw.
        rank: Rank r >= 1 of the mixing, at most min(in, K * out); None where it is full.
    """

    family: ClassVar[str] = "separable"

    terms: Annotated[int, Ge(1)] = 1
    rank: Annotated[int, Ge(1)] | None = None


class SeparableFamily(Family[SeparableSpec]):
    """Separable layers."""

    name = "separable"
    colour = "#d55e00"
    spec = SeparableSpec
    features = 2
    options = (
        Option("terms", int, 1, math.inf, "at least 1",
               "Blueprints of every filter of a separable layer (at most kernel height times width).",
               required=True),
        Option("rank", int, 1, math.inf, "at least 1",
               "Rank of every layer's coefficients or mixing (where it is smaller: its largest)."),
    )  # fmt: skip

    def refuses(self, shape: ConvShape) -> str | None:
        """Groups, depthwise ones included, and 1x1 kernels."""
        return separable_sizes.refusal(shape)

    def canonical(self, shape: ConvShape, spec: SeparableSpec) -> SeparableSpec | None:
        """The spec itself, where it stores less than the plain convolution."""
        separable_sizes.check(shape, spec.terms, spec.rank)
        return spec if separable_sizes.params(shape, spec.terms, spec.rank) < shape.params else None

    def size(self, shape: ConvShape, spec: SeparableSpec) -> Size:
        """The blueprints, the mixing and the bias."""
        separable_sizes.check(shape, spec.terms, spec.rank)
        params = separable_sizes.params(shape, spec.terms, spec.rank)
        return Size(params, params)

    def macs(self, shape: ConvShape, spec: SeparableSpec, places: Places) -> int:
        """One plain convolution; or the mixing at the input, and then each output's blueprints."""
        feature = separable_sizes.feature_macs(shape, spec.terms, spec.rank, places)
        return min(places.made * shape.macs, feature)

    def fresh(self, conv: nn.Conv2d, spec: SeparableSpec) -> SeparableConv2d:
        """A separable layer with the arguments of ``conv``."""
        from lcsearch.layers.geometry import Geometry
        from lcsearch.layers.separable_conv import SeparableConv2d

        return SeparableConv2d(
            **Geometry.of(conv).arguments,
            device=conv.weight.device,
            dtype=conv.weight.dtype,
            terms=spec.terms,
            rank=spec.rank,
        )

    def spec_of(self, layer: FamilyLayer) -> SeparableSpec:
        """Terms and rank as the layer has them."""
        separable = _checked(layer)
        return SeparableSpec(separable.terms, separable.rank)

    def fit(self, layer: FamilyLayer, target: Target) -> None:
        """Blueprints and mixing, in closed form."""
        from lcsearch.layers.separable_fit import fit

        fit(_checked(layer), target)

    @property
    def rule(self) -> type[SeparableRule]:
        """Ranges of terms and rank ratio, and the kinds of pointwise part."""
        from lcsearch.layers.separable_rule import SeparableRule

        return SeparableRule

    def offer(self, rule: SeparableRule, group: str, shapes: Shapes) -> SeparableOffer[SeparableSpec]:
        """So many terms, one kind of pointwise part and a rank ratio for it, for the whole group."""
        from lcsearch.layers.separable_offer import SeparableOffer

        return SeparableOffer(self, SeparableSpec, _fields, rule, group, shapes)

    def ways(self, shape: ConvShape) -> Sequence[Way]:
        """Up to `MOST_TERMS` in full, few of them with `RANK_RATIOS` too, where that stores less."""
        found: dict[SeparableSpec, Way] = {}
        for terms in range(1, min(MOST_TERMS, shape.kernel[0] * shape.kernel[1]) + 1):
            for ratio in (None, *(RANK_RATIOS if terms <= _LOW_RANK_TERMS else ())):
                rank = None if ratio is None else max(1, int(shape.in_channels * ratio))
                if rank is not None and rank > separable_sizes.max_useful_rank(shape, terms):
                    continue
                spec = self.canonical(shape, SeparableSpec(terms, rank))
                if spec is not None:
                    found.setdefault(spec, _way(spec, ratio, self.size(shape, spec).stored))
        return sorted(found.values(), key=lambda way: -way.params)

    def read_way(self, numbers: Numbers, params: int) -> Way:
        """From terms, the rank, and the rank as a share of the input channels, as it was asked for."""
        rank = numbers["rank"]
        spec = SeparableSpec(int(numbers["terms"] or 0), None if rank is None else int(rank))
        return _way(spec, numbers["ratio"], params)

    def describe(self, shape: ConvShape, spec: SeparableSpec) -> tuple[float, float]:
        """Logarithms of terms / kernel numbers, and of the rank as a share of its largest."""
        rank = 1.0 if spec.rank is None else spec.rank / separable_sizes.max_rank(shape, spec.terms)
        return math.log(spec.terms / (shape.kernel[0] * shape.kernel[1])), math.log(rank)

    def words(self, spec: SeparableSpec) -> str:
        """``separable, 2 terms, rank 10``."""
        words = f"separable, {counted(spec.terms, 'term')}"
        return words if spec.rank is None else f"{words}, rank {spec.rank}"

    def waste(self, shape: ConvShape, spec: SeparableSpec) -> str | None:
        """A rank whose factors store no less than the full mixing."""
        dear = spec.rank is not None and spec.rank > separable_sizes.max_useful_rank(shape, spec.terms)
        return f"rank {spec.rank}" if dear else None

    def short(self, spec: SeparableSpec) -> str:
        """``2``."""
        return str(spec.terms)

    def numbers(self, spec: SeparableSpec) -> Numbers:
        """terms, rank."""
        return asdict(spec)

    def cells(self, numbers: Numbers) -> tuple[str, str]:
        """``2 terms``, and ``full`` or ``rank 10``."""
        rank = numbers.get("rank")
        return counted(int(numbers.get("terms") or 0), "term"), "full" if rank is None else f"rank {rank}"

    def coordinates(self, spec: SeparableSpec | None) -> tuple[float, float]:
        """log2 of the terms (a 3x3 kernel's for another layer), and of the rank (12 for full mixing)."""
        if spec is None:
            return math.log2(_AREA), _FULL_RANK_LOG2
        return math.log2(spec.terms), _FULL_RANK_LOG2 if spec.rank is None else math.log2(spec.rank)

    def chosen(self, shape: ConvShape, numbers: Mapping[str, Any]) -> SeparableSpec:
        """More terms, or a larger rank, than a layer can have become its largest."""
        terms = min(numbers["terms"], shape.kernel[0] * shape.kernel[1])
        rank = numbers.get("rank")
        return SeparableSpec(
            terms, None if rank is None else min(rank, separable_sizes.max_rank(shape, terms))
        )


def _checked(layer: FamilyLayer) -> SeparableConv2d:
    from lcsearch.layers.separable_conv import SeparableConv2d

    assert isinstance(layer, SeparableConv2d)
    return layer


def _way(spec: SeparableSpec, ratio: float | None, params: int) -> Way:
    """Layers of as many terms and of one rank ratio are compressed the same way."""
    label = counted(spec.terms, "term") + ("" if ratio is None else f", rank {format_share(ratio)} in")
    numbers = {"terms": spec.terms, "rank": spec.rank, "ratio": ratio}
    return Way(spec, params, numbers, label, (-spec.terms / _AREA, -(ratio or math.inf)))


FAMILY = SeparableFamily()

"""The family ``linear``: LinearConv layers (arXiv 1907.11432).

A few primary filters are learned; the secondary ones are linear combinations of them. The layer itself is
``lcsearch.layers.LinearConv2d``, its arithmetic ``lcsearch.layers.arithmetic``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le, Lt

from lcsearch.core.checked import Checked
from lcsearch.core.spec import LayerSpec, Reduction
from lcsearch.core.strict import problem
from lcsearch.core.text import format_share
from lcsearch.layers import arithmetic
from lcsearch.layers.family import Family, Numbers, Way
from lcsearch.layers.option import Option
from lcsearch.layers.shape import ConvShape, Places, Shapes, Size

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lcsearch.layers.closeness import Target
    from lcsearch.layers.layer import FamilyLayer
    from lcsearch.layers.linear_conv import LinearConv2d
    from lcsearch.layers.linear_offer import LinearOffer
    from lcsearch.layers.linear_rule import LinearRule

ALPHAS = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)
"""Shares of primary filters whose loss is measured for a layer alone."""
RANK_RATIOS = (1 / 2, 1 / 4)
"""Ranks that are measured beside full coefficients, as shares of the primary filters."""
_FULL_RANK_LOG2 = 12.0
_fields = attrgetter("alpha", "rank", "sparsity")


@dataclass(frozen=True, slots=True)
class LinearSpec(LayerSpec, Checked):
    """A LinearConv layer.

    Attributes:
        alpha: Primary filters / all filters, in (0, 1].
        rank: Coefficient rank r >= 1; None unless the coefficients are low-rank.
        sparsity: Share of coefficients that is zero, in [0, 1); None unless they are sparse.
    """

    family: ClassVar[str] = "linear"

    alpha: Annotated[float, Gt(0), Le(1)] = 1.0
    rank: Annotated[int, Ge(1)] | None = None
    sparsity: Annotated[float, Ge(0), Lt(1)] | None = None

    def __post_init__(self) -> None:
        """Check that there is one kind of coefficients.

        Raises:
            ValueError: There are two.
        """
        if self.rank is not None and self.sparsity is not None:
            raise ValueError(f"rank={self.rank!r} and sparsity={self.sparsity!r} exclude each other")


class LinearFamily(Family[LinearSpec]):
    """LinearConv layers."""

    name = "linear"
    colour = "#0072b2"
    spec = LinearSpec
    features = 3
    short_of = "alpha"
    options = (
        Option("alpha", float, math.ulp(0.0), 1, "above 0 and at most 1",
               "Primary filters / all filters of every layer, in (0, 1].", required=True),
        Option("rank", int, 1, math.inf, "at least 1",
               "Rank of every layer's coefficients or mixing (where it is smaller: its largest)."),
        Option("rank_ratio", float, math.ulp(0.0), 1, "above 0 and at most 1",
               "Rank / primary filters, in (0, 1]."),
        Option("sparsity", float, 0, math.nextafter(1.0, 0.0), "at least 0 and below 1",
               "Share of coefficients that is zero, in [0, 1)."),
    )  # fmt: skip

    def read(self, plain: Mapping[str, Any]) -> LinearSpec:
        """The spec, of one kind of coefficients."""
        if plain.get("rank") is not None and plain.get("sparsity") is not None:
            raise problem("rank and sparsity exclude each other; write one of them")
        return super().read(plain)

    def canonical(self, shape: ConvShape, spec: LinearSpec) -> LinearSpec | None:
        """Alpha becomes p / out, a rank is cut to min(s, p), sparsity becomes the share that is really zero.

        Sparsity 0 becomes full coefficients.
        """
        p, s = arithmetic.split(shape.out_channels, spec.alpha)
        coefficients = arithmetic.coefficient_count(p, s, spec.rank, spec.sparsity)
        if coefficients >= s * shape.filter_size:
            return None
        rank = None if spec.rank is None else arithmetic.resolve_rank(p, s, spec.rank, None)
        sparsity = None
        if spec.sparsity is not None and coefficients < s * p:
            sparsity = round(1 - coefficients / (s * p), 9)
        return LinearSpec(round(p / shape.out_channels, 6), rank, sparsity)

    def size(self, shape: ConvShape, spec: LinearSpec) -> Size:
        """The primary filters, the coefficients that are not pruned, and the bias."""
        p, s = arithmetic.split(shape.out_channels, spec.alpha)
        coefficients = arithmetic.coefficient_count(p, s, spec.rank, spec.sparsity)
        params = p * shape.filter_size + coefficients + shape.bias_size
        return Size(params, params)

    def macs(self, shape: ConvShape, spec: LinearSpec, places: Places) -> int:
        """One plain convolution, or the primary filters and then the mixing of their outputs.

        Zeros among sparse coefficients are multiplied like any other number, as standard layers do.
        """
        p, _ = arithmetic.split(shape.out_channels, spec.alpha)
        return places.made * min(shape.macs, arithmetic.feature_macs(shape, p))

    def fresh(self, conv: nn.Conv2d, spec: LinearSpec) -> LinearConv2d:
        """A LinearConv layer with the arguments of ``conv``; too large a rank is cut to its largest."""
        from lcsearch.layers.geometry import Geometry
        from lcsearch.layers.linear_conv import LinearConv2d

        p, s = arithmetic.split(conv.out_channels, spec.alpha)
        rank = None if spec.rank is None or not s else arithmetic.resolve_rank(p, s, spec.rank, None)
        return LinearConv2d(
            **Geometry.of(conv).arguments,
            device=conv.weight.device,
            dtype=conv.weight.dtype,
            alpha=spec.alpha,
            rank=rank,
            sparsity=spec.sparsity,
        )

    def spec_of(self, layer: FamilyLayer) -> LinearSpec:
        """alpha, rank and sparsity as the layer has them."""
        linear = _checked(layer)
        return LinearSpec(linear.alpha, linear.rank, linear.sparsity)

    def fit(self, layer: FamilyLayer, target: Target) -> None:
        """Primaries, coefficients and the order of the filters, in closed form."""
        from lcsearch.layers.fit import fit

        fit(_checked(layer), target.filters, target.closeness)

    def regularization(self, layers: Sequence[FamilyLayer], reduction: Reduction) -> Tensor | None:
        """The correlation loss of the primary filters."""
        from lcsearch.layers.regularize import correlation_of

        return correlation_of([_checked(layer) for layer in layers], reduction)

    @property
    def rule(self) -> type[LinearRule]:
        """Ranges of alpha, rank or rank ratio and sparsity, and the kinds of coefficients."""
        from lcsearch.layers.linear_rule import LinearRule

        return LinearRule

    def offer(self, rule: LinearRule, group: str, shapes: Shapes) -> LinearOffer[LinearSpec]:
        """One alpha, one kind of coefficients and one number for it, for the whole group."""
        from lcsearch.layers.linear_offer import LinearOffer

        return LinearOffer(self, LinearSpec, _fields, rule, group, shapes)

    def ways(self, shape: ConvShape) -> Sequence[Way]:
        """`ALPHAS` with full coefficients and with `RANK_RATIOS`, where a rank stores less than they do."""
        return self.ways_of(shape, ALPHAS, RANK_RATIOS)

    def ways_of(
        self, shape: ConvShape, alphas: Sequence[float], ratios: Sequence[float] = ()
    ) -> Sequence[Way]:
        """These alphas with full coefficients and with these ranks, as shares of the primary filters."""
        found: dict[LinearSpec, Way] = {}
        for alpha in alphas:
            p, s = arithmetic.split(shape.out_channels, alpha)
            for ratio in (None, *ratios):
                rank = None if ratio is None or s == 0 else arithmetic.resolve_rank(p, s, None, ratio)
                spec = self.canonical(shape, LinearSpec(alpha, rank))
                if spec is not None and (rank is None or rank <= arithmetic.max_useful_rank(p, s)):
                    found.setdefault(spec, _way(spec, ratio, self.size(shape, spec).stored))
        return sorted(found.values(), key=lambda way: -way.params)

    def read_way(self, numbers: Numbers, params: int) -> Way:
        """From alpha, the rank, and the rank as a share of the primary filters, as it was asked for."""
        rank = numbers["rank"]
        spec = LinearSpec(float(numbers["alpha"] or 0.0), None if rank is None else int(rank))
        return _way(spec, numbers["ratio"], params)

    def describe(self, shape: ConvShape, spec: LinearSpec) -> tuple[float, float, float]:
        """Logarithms of p / out, of the rank as a share of its largest, and of the coefficients' density."""
        p, s = arithmetic.split(shape.out_channels, spec.alpha)
        rank = 1.0 if spec.rank is None else spec.rank / max(1, min(p, s))
        density = max(1.0 - (spec.sparsity or 0.0), 1e-3)
        return math.log(p / shape.out_channels), math.log(rank), math.log(density)

    def words(self, spec: LinearSpec) -> str:
        """``alpha 1/4, rank 10``."""
        words = f"alpha {format_share(spec.alpha)}"
        if spec.rank is not None:
            return f"{words}, rank {spec.rank}"
        return words if spec.sparsity is None else f"{words}, {spec.sparsity:.0%} of coefficients zero"

    def waste(self, shape: ConvShape, spec: LinearSpec) -> str | None:
        """A rank whose factors store no less than the full matrix."""
        p, s = arithmetic.split(shape.out_channels, spec.alpha)
        dear = spec.rank is not None and spec.rank > arithmetic.max_useful_rank(p, s)
        return f"rank {spec.rank}" if dear else None

    def short(self, spec: LinearSpec) -> str:
        """``1/4``."""
        return format_share(spec.alpha)

    def share_words(self, share: float) -> str:
        """``alpha 1/4``."""
        return f"alpha {format_share(share)}"

    def numbers(self, spec: LinearSpec) -> Numbers:
        """alpha, rank, sparsity."""
        return asdict(spec)

    def cells(self, numbers: Numbers) -> tuple[str, str]:
        """``1/4``, and ``full``, ``rank 10`` or ``50% zero``."""
        alpha, rank, sparsity = (numbers.get(name) for name in ("alpha", "rank", "sparsity"))
        if rank is None and sparsity is None and alpha == 1:
            return "", "plain"
        kind = f"rank {rank}" if rank is not None else "full" if sparsity is None else f"{sparsity:.0%} zero"
        return format_share(alpha or 0.0), kind

    def coordinates(self, spec: LinearSpec | None) -> tuple[float, float, float]:
        """log2 of alpha, log2 of the rank (12 for full coefficients), share of coefficients that is kept."""
        if spec is None:
            return 0.0, _FULL_RANK_LOG2, 1.0
        rank = _FULL_RANK_LOG2 if spec.rank is None else math.log2(spec.rank)
        return math.log2(spec.alpha), rank, 1.0 - (spec.sparsity or 0.0)

    def chosen(self, shape: ConvShape, numbers: Mapping[str, Any]) -> LinearSpec:
        """A rank that is larger than a layer's largest becomes that one."""
        p, s = arithmetic.split(shape.out_channels, numbers["alpha"])
        rank, ratio = numbers.get("rank"), numbers.get("rank_ratio")
        if s == 0:
            return LinearSpec(numbers["alpha"])
        if rank is not None or ratio is not None:
            return LinearSpec(numbers["alpha"], arithmetic.resolve_rank(p, s, rank, ratio))
        return LinearSpec(numbers["alpha"], None, numbers.get("sparsity"))


def _checked(layer: FamilyLayer) -> LinearConv2d:
    from lcsearch.layers.linear_conv import LinearConv2d

    assert isinstance(layer, LinearConv2d)
    return layer


def _way(spec: LinearSpec, ratio: float | None, params: int) -> Way:
    """Layers of about one alpha and of one rank ratio are compressed the same way."""
    alpha = 2.0 ** (round(4 * math.log2(spec.alpha)) / 4)
    label = format_share(alpha) + ("" if ratio is None else f", rank {format_share(ratio)} p")
    numbers = {"alpha": spec.alpha, "rank": spec.rank, "ratio": ratio}
    return Way(spec, params, numbers, label, (-alpha, -(ratio or math.inf)))


FAMILY = LinearFamily()

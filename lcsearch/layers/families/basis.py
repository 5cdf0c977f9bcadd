"""The family ``basis``: filters mixed from a bank that does not train (BasisConv, arXiv 1906.04509).

The bank is taken from a trained convolution, or drawn from a seed; with ``train_basis`` it trains as well
(arXiv 2105.10436). The layer itself is ``lcsearch.layers.BasisConv2d``, its arithmetic
``lcsearch.layers.basis_sizes``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Lt

from lcsearch.core.checked import Checked
from lcsearch.core.spec import LayerSpec
from lcsearch.core.strict import problem
from lcsearch.core.text import counted, format_share
from lcsearch.layers import basis_sizes
from lcsearch.layers.family import Family, Numbers, Way
from lcsearch.layers.option import Option
from lcsearch.layers.shape import ConvShape, Places, Shapes, Size

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.layers.basis_conv import BasisConv2d
    from lcsearch.layers.basis_offer import BasisOffer
    from lcsearch.layers.basis_rule import BasisRule
    from lcsearch.layers.closeness import Target
    from lcsearch.layers.layer import FamilyLayer

SHARES = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32)
"""Shares of the most filters that a bank can have, at which what a layer loses alone is measured."""
_USUAL = 128
"""The most filters of a usual layer, for what is said of layers whose shape is not known."""
_fields = attrgetter("filters", "train_basis", "bank_seed")


@dataclass(frozen=True, slots=True)
class BasisSpec(LayerSpec, Checked):
    """A basis layer.

    Attributes:
        filters: Q >= 1, filters of the bank, at most min(out, in * kh * kw).
        train_basis: Whether the bank trains, with a batch norm behind it.
        bank_seed: Seed of a random bank; None for one that is stored.
    """

    family: ClassVar[str] = "basis"

    filters: Annotated[int, Ge(1)]
    train_basis: bool = False
    bank_seed: Annotated[int, Ge(0), Lt(2**63)] | None = None

    def __post_init__(self) -> None:
        """Check that a bank that trains is stored.

        Raises:
            ValueError: It has a seed.
        """
        if self.train_basis and self.bank_seed is not None:
            raise ValueError(f"train_basis=True and bank_seed={self.bank_seed!r} exclude each other")


class BasisFamily(Family[BasisSpec]):
    """Basis layers."""

    name = "basis"
    colour = "#009e73"
    spec = BasisSpec
    features = 3
    options = (
        Option("filters", int, 1, math.inf, "at least 1",
               "Filters of the bank of every basis layer (where it can have fewer: its most).",
               required=True),
        Option("energy", float, math.ulp(0.0), 1, "above 0 and at most 1",
               "In place of filters, the fewest that keep this share of the squares of trained filters.",
               instead_of="filters", of_weights=True),
        Option("train_basis", bool, 0, 1, "yes or no", "The bank trains, with a batch norm behind it."),
        Option("bank_seed", int, 0, 2**63 - 1, "at least 0 and below 2^63",
               "The bank is random, drawn from this seed, and not stored."),
    )  # fmt: skip

    def read(self, plain: Mapping[str, Any]) -> BasisSpec:
        """The spec, whose bank trains or has a seed."""
        if plain.get("train_basis") is True and plain.get("bank_seed") is not None:
            raise problem("a bank that trains has no bank_seed; leave out one of them")
        return super().read(plain)

    def refuses(self, shape: ConvShape) -> str | None:
        """Groups, depthwise ones included, and 1x1 kernels."""
        return basis_sizes.refusal(shape)

    def canonical(self, shape: ConvShape, spec: BasisSpec) -> BasisSpec | None:
        """The spec itself, where it stores less than the plain convolution."""
        return spec if self.size(shape, spec).stored < shape.params else None

    def size(self, shape: ConvShape, spec: BasisSpec) -> Size:
        """The mixing and the bias; the bank, unless it comes from a seed; its batch norm where it trains."""
        basis_sizes.check(shape, spec.filters, spec.train_basis, spec.bank_seed)
        return basis_sizes.size(shape, spec.filters, spec.train_basis, spec.bank_seed)

    def macs(self, shape: ConvShape, spec: BasisSpec, places: Places) -> int:
        """One plain convolution, or the bank and then the mixing of its outputs."""
        return places.made * min(shape.macs, basis_sizes.feature_macs(shape, spec.filters))

    def fresh(self, conv: nn.Conv2d, spec: BasisSpec) -> BasisConv2d:
        """A basis layer with the arguments of ``conv``, its bank random."""
        from lcsearch.layers.basis_conv import BasisConv2d
        from lcsearch.layers.geometry import Geometry

        return BasisConv2d(
            **Geometry.of(conv).arguments,
            device=conv.weight.device,
            dtype=conv.weight.dtype,
            filters=spec.filters,
            train_basis=spec.train_basis,
            bank_seed=spec.bank_seed,
        )

    def spec_of(self, layer: FamilyLayer) -> BasisSpec:
        """Filters, whether they train, and their seed, as the layer has them."""
        basis = _checked(layer)
        return BasisSpec(basis.count, basis.train_basis, basis.bank_seed)

    def fit(self, layer: FamilyLayer, target: Target) -> None:
        """Bank and mixing in closed form; the mixing alone of a random bank."""
        from lcsearch.layers.basis_fit import fit

        fit(_checked(layer), target)

    @property
    def rule(self) -> type[BasisRule]:
        """A range of filters, and where banks come from."""
        from lcsearch.layers.basis_rule import BasisRule

        return BasisRule

    def offer(self, rule: BasisRule, group: str, shapes: Shapes) -> BasisOffer[BasisSpec]:
        """One share of the most filters, or energy, and one kind of bank, for the whole group."""
        from lcsearch.layers.basis_energy import EnergyOffer
        from lcsearch.layers.basis_offer import BasisOffer

        if rule.energy is not None:
            return EnergyOffer(self, BasisSpec, _fields, rule, rule.energy, group, shapes)
        return BasisOffer(self, BasisSpec, _fields, rule, group, shapes)

    def ways(self, shape: ConvShape) -> Sequence[Way]:
        """`SHARES` of the most filters, with the bank of the trained convolution."""
        found: dict[BasisSpec, Way] = {}
        for share in SHARES:
            filters = max(1, round(share * basis_sizes.most(shape)))
            spec = self.canonical(shape, BasisSpec(filters))
            if spec is not None:
                found.setdefault(spec, _way(spec, share, self.size(shape, spec).stored))
        return list(found.values())

    def read_way(self, numbers: Numbers, params: int) -> Way:
        """From the filters, and these as the share of the most that was asked for."""
        return _way(BasisSpec(int(numbers["filters"] or 0)), float(numbers["share"] or 0.0), params)

    def describe(self, shape: ConvShape, spec: BasisSpec) -> tuple[float, float, float]:
        """The logarithm of the filters as a share of the most; whether they train, and are random."""
        share = math.log(spec.filters / basis_sizes.most(shape))
        return share, float(spec.train_basis), float(spec.bank_seed is not None)

    def words(self, spec: BasisSpec) -> str:
        """``basis of 32 filters``, ``basis of 32 random filters``."""
        return f"basis of {counted(spec.filters, f'{_kind(spec)} filter'.strip())}"

    def short(self, spec: BasisSpec) -> str:
        """``32``."""
        return str(spec.filters)

    def numbers(self, spec: BasisSpec) -> Numbers:
        """filters, train_basis, bank_seed."""
        return asdict(spec)

    def cells(self, numbers: Numbers) -> tuple[str, str]:
        """``32 filters``, and ``fitted``, ``random`` or ``trained``."""
        kind = "fitted" if numbers.get("bank_seed") is None else "random"
        filters = int(numbers.get("filters") or 0)
        return counted(filters, "filter"), "trained" if numbers.get("train_basis") else kind

    def coordinates(self, spec: BasisSpec | None) -> tuple[float, float, float]:
        """log2 of the filters (7 for another layer), whether they train, whether they are random."""
        if spec is None:
            return math.log2(_USUAL), 0.0, 0.0
        return math.log2(spec.filters), float(spec.train_basis), float(spec.bank_seed is not None)

    def chosen(self, shape: ConvShape, numbers: Mapping[str, Any]) -> BasisSpec:
        """More filters than a layer's bank can have become its most."""
        return self._chosen(shape, numbers["filters"], numbers)

    def chosen_for(self, conv: nn.Conv2d, shape: ConvShape, numbers: Mapping[str, Any]) -> BasisSpec:
        """The filters themselves, or as many as the convolution needs for an energy."""
        if "energy" not in numbers:
            return self.chosen(shape, numbers)
        from lcsearch.layers.basis_conversion import filters_for

        if conv.weight.is_meta:
            raise ValueError(f"energy={numbers['energy']!r} needs a convolution with weights")
        return self._chosen(shape, filters_for(conv, numbers["energy"]), numbers)

    def left_out(self, shapes: Shapes, numbers: Mapping[str, Any]) -> dict[str, str]:
        """Also those that cannot have so many filters, and save nothing with their most."""
        found = super().left_out(shapes, numbers)
        able = {name: shape for name, shape in shapes.items() if name not in found}
        for name, shape in able.items():
            most = basis_sizes.most(shape)
            too_many = numbers.get("filters", 0) > most
            if too_many and self.canonical(shape, self.chosen(shape, numbers)) is None:
                found[name] = f"it can have at most {most} filters, with which it saves nothing"
        return {name: found[name] for name in shapes if name in found}

    def _chosen(self, shape: ConvShape, filters: int, numbers: Mapping[str, Any]) -> BasisSpec:
        most, trains = basis_sizes.most(shape), bool(numbers.get("train_basis"))
        return BasisSpec(min(filters, most), trains, numbers.get("bank_seed"))


def _kind(spec: BasisSpec) -> str:
    return "trained" if spec.train_basis else "" if spec.bank_seed is None else "random"


def _checked(layer: FamilyLayer) -> BasisConv2d:
    from lcsearch.layers.basis_conv import BasisConv2d

    assert isinstance(layer, BasisConv2d)
    return layer


def _way(spec: BasisSpec, share: float, params: int) -> Way:
    """Layers that keep one share of the most filters are compressed the same way."""
    return Way(
        spec, params, {"filters": spec.filters, "share": share}, f"{format_share(share)} basis", (-share,)
    )


FAMILY = BasisFamily()

"""The family ``shared``: layers of one stage share most of their filters (arXiv 2006.05066).

A spec names its bank: layers of one bank have equal shapes, and one tensor of shared filters. The layer
itself is ``lcsearch.layers.SharedConv2d``, its arithmetic ``lcsearch.layers.shared_sizes``; who shares is
said by ``lcsearch.layers.shared_sets``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, MinLen

from lcsearch.core.checked import Checked
from lcsearch.core.spec import LayerSpec, Reduction
from lcsearch.layers import shared_sizes
from lcsearch.layers.family import Family, Numbers
from lcsearch.layers.option import Option
from lcsearch.layers.partners import Partners, Sets
from lcsearch.layers.shape import ConvShape, Places, Shapes, Size
from lcsearch.layers.shared_sets import NONE, WAYS, sets_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lcsearch.layers.closeness import Target
    from lcsearch.layers.layer import FamilyLayer
    from lcsearch.layers.shared_conv import SharedConv2d
    from lcsearch.layers.shared_offer import SharedOffer
    from lcsearch.layers.shared_rule import SharedRule

_NAMELESS = ""
"""The layer that is looked at alone."""
_NO_WAY = "share_by names no way to share"
_counts = attrgetter("shared", "unique")


@dataclass(frozen=True, slots=True)
class SharedSpec(LayerSpec, Checked):
    """A layer that shares filters.

    Attributes:
        bank: Name of the set of layers that share; they have equal shapes.
        shared: s >= 1, filters that they share; one number for all of them.
        unique: u >= 0, filters of its own; s + u is at most in * kh * kw.
    """

    family: ClassVar[str] = "shared"

    bank: Annotated[str, MinLen(1)]
    shared: Annotated[int, Ge(1)]
    unique: Annotated[int, Ge(0)] = 0


class SharedFamily(Family[SharedSpec]):
    """Layers that share filters."""

    name = "shared"
    colour = "#cc79a7"
    spec = SharedSpec
    features = 3
    options = (
        Option("share_by", str, help="Who shares filters: all layers of a stage, or those at one position of "
               "its blocks.", choices=WAYS, required=True),
        Option("shared", int, 1, math.inf, "at least 1",
               "Filters that layers of the first stage share; of a later one more, as it has more channels.",
               required=True),
        Option("unique", int, 0, math.inf, "at least 0",
               "Filters that each layer of the first stage has beside them; of a later one more likewise.",
               required=True),
    )  # fmt: skip

    def refuses(self, shape: ConvShape) -> str | None:
        """Groups, depthwise ones included, and 1x1 kernels that add no channels."""
        return shared_sizes.refusal(shape)

    def canonical(self, shape: ConvShape, spec: SharedSpec) -> SharedSpec | None:
        """The spec itself, where a layer with a bank of its own stores less than the plain convolution."""
        return self.canonicals({_NAMELESS: shape}, {_NAMELESS: spec}).get(_NAMELESS)

    def canonicals(self, shapes: Shapes, specs: Mapping[str, SharedSpec]) -> dict[str, SharedSpec]:
        """The specs themselves, where all layers of the bank together store less than the plain ones."""
        stored = sum(size.stored for size in self.sizes(shapes, specs).values())
        return dict(specs) if stored < sum(shapes[name].params for name in specs) else {}

    def size(self, shape: ConvShape, spec: SharedSpec) -> Size:
        """Those of a layer with a bank of its own."""
        return self.sizes({_NAMELESS: shape}, {_NAMELESS: spec})[_NAMELESS]

    def together(self, name: str, spec: SharedSpec) -> str:
        """The bank."""
        return spec.bank

    def sizes(self, shapes: Shapes, specs: Mapping[str, SharedSpec]) -> dict[str, Size]:
        """Filters of its own, batch norm, mixing and bias of each; the first also has the bank.

        Raises:
            ValueError: The layers cannot share; the message says why.
        """
        _check(shapes, specs)
        found = dict[str, Size]()
        for name, spec in specs.items():
            params = shared_sizes.own_params(shapes[name], spec.shared, spec.unique)
            params += 0 if found else shared_sizes.bank_params(shapes[name], spec.shared)
            found[name] = Size(params, params)
        return found

    def macs(self, shape: ConvShape, spec: SharedSpec, places: Places) -> int:
        """One plain convolution, or the filters and then the mixing."""
        return places.made * min(shape.macs, shared_sizes.feature_macs(shape, spec.shared, spec.unique))

    def fresh(self, conv: nn.Conv2d, spec: SharedSpec) -> FamilyLayer:
        """A layer with a bank of its own."""
        return self.fresh_bundle({_NAMELESS: conv}, {_NAMELESS: spec})[_NAMELESS]

    def fresh_bundle(
        self, convs: Mapping[str, nn.Conv2d], specs: Mapping[str, SharedSpec]
    ) -> dict[str, FamilyLayer]:
        """Layers of which the first one holds the bank."""
        from lcsearch.layers.geometry import Geometry
        from lcsearch.layers.shared_conv import SharedConv2d

        found: dict[str, FamilyLayer] = {}
        owner: SharedConv2d | None = None
        _check({name: Geometry.of(conv).shape for name, conv in convs.items()}, specs)
        for name, spec in specs.items():
            layer = SharedConv2d(
                **Geometry.of(convs[name]).arguments,
                device=convs[name].weight.device,
                dtype=convs[name].weight.dtype,
                shared=spec.shared,
                unique=spec.unique,
                bank_name=spec.bank,
                owner=owner,
            )
            found[name], owner = layer, owner or layer
        return found

    def spec_of(self, layer: FamilyLayer) -> SharedSpec:
        """Bank and numbers of filters as the layer has them."""
        own = _checked(layer)
        return SharedSpec(own.bank_name, *own.counts)

    def fit(self, layer: FamilyLayer, target: Target) -> None:
        """As if no other layer shared its bank."""
        self.fit_bundle({_NAMELESS: layer}, {_NAMELESS: target})

    def fit_bundle(self, layers: Mapping[str, FamilyLayer], targets: Mapping[str, Target]) -> None:
        """Bank, unique filters and mixings, solved for in turn."""
        from lcsearch.layers.shared_fit import fit

        fit({name: _checked(layer) for name, layer in layers.items()}, targets)

    def regularization(self, layers: Sequence[FamilyLayer], reduction: Reduction) -> Tensor:
        """The orthogonality loss."""
        from lcsearch.layers.shared_loss import orthogonality_of

        return orthogonality_of([_checked(layer) for layer in layers], reduction)

    @property
    def rule(self) -> type[SharedRule]:
        """Who shares, and ranges of filters."""
        from lcsearch.layers.shared_rule import SharedRule

        return SharedRule

    def partners(self, rule: SharedRule, shapes: Shapes) -> Partners:
        """Sets of all ways to share that the rule names."""
        found = {way: sets_of(shapes, way) for way in WAYS if way in rule.share_by}
        sets: Sets = {way: tuple(own.members.values()) for way, own in found.items()}
        left = [own.left for own in found.values()]
        alone = dict.fromkeys(shapes, _NO_WAY)
        if left:
            alone = {name: left[0][name] for name in shapes if all(name in own for own in left)}
        return Partners(sets, alone, apart=NONE in rule.share_by)

    def offer_together(
        self, rule: SharedRule, group: str, shapes: Shapes, sets: Sets, *, each: bool
    ) -> SharedOffer[SharedSpec]:
        """Who shares; filters of each bank and of each layer, or of all."""
        from lcsearch.layers.shared_offer import SharedOffer

        return SharedOffer(self, SharedSpec, _counts, rule, group, shapes, sets, each)

    def describe(self, shape: ConvShape, spec: SharedSpec) -> tuple[float, float, float]:
        """That it shares, and logarithms of its filters, and of the unique ones, for each output channel."""
        out, filters = shape.out_channels, spec.shared + spec.unique
        return 1.0, math.log(filters / out), math.log((1 + spec.unique) / (1 + out))

    def words(self, spec: SharedSpec) -> str:
        """``8 shared and 1 unique filters, bank stages.0.1.first.0``."""
        return f"{spec.shared} shared and {spec.unique} unique filters, bank {spec.bank}"

    def short(self, spec: SharedSpec) -> str:
        """``8+1``."""
        return f"{spec.shared}+{spec.unique}"

    def numbers(self, spec: SharedSpec) -> Numbers:
        """shared, unique."""
        return {"shared": spec.shared, "unique": spec.unique}

    def cells(self, numbers: Numbers) -> tuple[str, str]:
        """``8 + 1 filters``, and ``shared``."""
        return f"{numbers.get('shared') or 0} + {numbers.get('unique') or 0} filters", "shared"

    def coordinates(self, spec: SharedSpec | None) -> tuple[float, float]:
        """log2 of the shared filters (12 for another layer), and of one more than the unique ones."""
        return (12.0, 12.0) if spec is None else (math.log2(spec.shared), math.log2(1 + spec.unique))

    def chosen_together(
        self, convs: Mapping[str, nn.Conv2d], shapes: Shapes, numbers: Mapping[str, Any]
    ) -> dict[str, SharedSpec]:
        """Both numbers of filters grow with the channels of a stage, up to the numbers of a filter."""
        members, found = sets_of(shapes, numbers["share_by"]).members, dict[str, SharedSpec]()
        first = next((shapes[bank].in_channels for bank in members), 1)
        for bank, names in members.items():
            size, factor = shapes[bank].filter_size, shapes[bank].in_channels / first
            shared = min(size, max(1, round(numbers["shared"] * factor)))
            unique = min(size - shared, round(numbers["unique"] * factor))
            found |= dict.fromkeys(names, SharedSpec(bank, shared, unique))
        return {name: found[name] for name in shapes if name in found}

    def left_out(self, shapes: Shapes, numbers: Mapping[str, Any]) -> dict[str, str]:
        """Also those that find no other to share with."""
        return sets_of(shapes, numbers["share_by"]).left


def _check(shapes: Shapes, specs: Mapping[str, SharedSpec]) -> None:
    """Check that layers can share a bank.

    Raises:
        ValueError: They cannot; the message says why.
    """
    (first, wanted), *others = specs.items()
    for name, spec in specs.items():
        shared_sizes.check(shapes[name], spec.shared, spec.unique)
    for name, spec in others:
        if spec.shared != wanted.shared:
            raise ValueError(
                f"{name!r} cannot share bank {spec.bank!r} with {first!r}: its shared={spec.shared!r} must "
                f"be {wanted.shared!r}"
            )
    shared_sizes.check_alike({name: shapes[name] for name in specs})


def _checked(layer: FamilyLayer) -> SharedConv2d:
    from lcsearch.layers.shared_conv import SharedConv2d

    assert isinstance(layer, SharedConv2d)
    return layer


FAMILY = SharedFamily()

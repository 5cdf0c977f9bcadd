"""A family for tests that is nothing like ``linear``: the kernels of a group's 3x3 layers come from one bank.

Every kernel of every filter is a combination of the ``size`` kernels of the bank, a tensor that all layers
share that name the same bank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge
from pydantic import Field
from torch import Tensor, nn

from lcsearch.core.checked import Checked
from lcsearch.core.parameters import Number
from lcsearch.core.ranges import Count
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.family import Family
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.offer import Offer, Rule, nudge
from lcsearch.layers.shape import ConvShape, Places, Size

KERNEL = 9


@dataclass(frozen=True, slots=True)
class BankSpec(LayerSpec, Checked):
    """How many kernels the bank has, and its name."""

    family: ClassVar[str] = "bank"

    size: Annotated[int, Ge(1)]
    bank: str


class BankLayer(FamilyLayer):
    """A convolution whose kernels are mixed from a shared bank."""

    family = "bank"

    def __init__(self, conv: nn.Conv2d, spec: BankSpec, bank: nn.Parameter) -> None:
        super().__init__()
        self.spec, self.bank = spec, bank
        self.conv = (conv.in_channels, conv.out_channels, conv.stride, conv.padding, conv.groups)
        kernels = conv.out_channels * conv.in_channels // conv.groups
        self.mixing = nn.Parameter(torch.randn(kernels, spec.size, device=conv.weight.device))
        self.bias = None if conv.bias is None else nn.Parameter(torch.zeros_like(conv.bias))

    @property
    def shape(self) -> ConvShape:
        ins, out, _, _, groups = self.conv
        return ConvShape(ins, out, (3, 3), groups, self.bias is not None)

    def filters(self) -> Tensor:
        ins, out, _, _, groups = self.conv
        return (self.mixing @ self.bank).view(out, ins // groups, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        _, _, stride, padding, groups = self.conv
        return nn.functional.conv2d(x, self.filters(), self.bias, stride, padding, groups=groups)

    def to_conv(self) -> nn.Conv2d:
        ins, out, stride, padding, groups = self.conv
        conv = nn.Conv2d(ins, out, 3, stride, padding, groups=groups, bias=self.bias is not None)
        conv.weight.data = self.filters().detach()
        if self.bias is not None:
            conv.bias = self.bias
        return conv

    def match_scale(self, conv: nn.Conv2d) -> None:
        self.mixing.mul_(conv.weight.std() / self.filters().std())


class BankRule(Rule):
    """The range of the bank's size."""

    bank_size: Count = Field(default=Count(low=1, high=6), description="Kernels that layers share.")


class BankOffer(Offer[BankSpec, tuple[int]]):
    """One bank for the group."""

    def __init__(
        self, spec: type[BankSpec], rule: BankRule, group: str, shapes: Mapping[str, ConvShape]
    ) -> None:
        super().__init__(group, shapes)
        self.spec = spec
        self.number = Number(f"{group}/bank_size", rule.bank_size)

    @property
    def parameters(self) -> list[Number]:
        return [self.number]

    def suggest(self, trial: Any, shrink: float) -> tuple[int]:
        return (int(self.number.suggest(trial)),)

    def answers(self, own: tuple[int], shrink: float) -> dict[str, float | str]:
        return {self.number.name: own[0]}

    def layers(self, own: tuple[int], shapes: Mapping[str, ConvShape]) -> dict[str, BankSpec]:
        spec = self.spec(own[0], self.group)
        return FAMILY.canonicals(shapes, dict.fromkeys(self.members, spec))

    def guesses(
        self, wanted: Mapping[str, BankSpec], shapes: Mapping[str, ConvShape]
    ) -> Iterator[tuple[int]]:
        yield from dict.fromkeys((int(self.number.clip(spec.size)),) for spec in wanted.values())

    def near(self, spec: BankSpec, shape: ConvShape) -> Iterator[tuple[int]]:
        yield from ()

    def extreme(self, shapes: Mapping[str, ConvShape], end: str) -> tuple[int]:
        return (self.number.range.low if end == "smallest" else self.number.range.high,)

    def at_share(self, share: float, shapes: Mapping[str, ConvShape]) -> dict[str, BankSpec]:
        return self.layers((max(1, round(share * KERNEL)),), shapes)

    def allowed(self, share: float) -> float:
        return self.number.clip(share * KERNEL) / KERNEL

    def share(self, own: tuple[int]) -> float:
        return own[0] / KERNEL

    def keeping(self, share: float, rng: Any) -> tuple[int]:
        return (int(self.number.clip(round(share * KERNEL))),)

    def nudged(self, own: tuple[int], rng: Any) -> tuple[int]:
        return self.scaled(own, nudge(rng))

    def scaled(self, own: tuple[int], factor: float) -> tuple[int]:
        return (int(self.number.clip(round(own[0] * factor))),)


class BankFamily(Family[BankSpec]):
    """Layers that share a bank of kernels."""

    name = "bank"
    colour = "#cc79a7"
    spec = BankSpec
    rule = BankRule
    features = 1

    def refuses(self, shape: ConvShape) -> str | None:
        return None if shape.kernel == (3, 3) else "its kernel is not 3x3"

    def offer(self, rule: BankRule, group: str, shapes: Mapping[str, ConvShape]) -> BankOffer:
        return BankOffer(self.spec, rule, group, shapes)

    def canonical(self, shape: ConvShape, spec: BankSpec) -> BankSpec | None:
        return self.canonicals({"": shape}, {"": spec}).get("")

    def canonicals(
        self, shapes: Mapping[str, ConvShape], specs: Mapping[str, BankSpec]
    ) -> dict[str, BankSpec]:
        stored = sum(size.stored for size in self.sizes(shapes, specs).values())
        return dict(specs) if stored < sum(shapes[name].params for name in specs) else {}

    def size(self, shape: ConvShape, spec: BankSpec) -> Size:
        return self.sizes({"": shape}, {"": spec})[""]

    def together(self, name: str, spec: BankSpec) -> str:
        return f"{spec.bank}, {spec.size}"

    def sizes(self, shapes: Mapping[str, ConvShape], specs: Mapping[str, BankSpec]) -> dict[str, Size]:
        found = {}
        for place, (name, spec) in enumerate(specs.items()):
            mixing = shapes[name].macs // KERNEL * spec.size + shapes[name].bias_size
            own = mixing + (KERNEL * spec.size if place == 0 else 0)
            found[name] = Size(own, own)
        return found

    def macs(self, shape: ConvShape, spec: BankSpec, places: Places) -> int:
        return places.made * shape.macs

    def fresh(self, conv: nn.Conv2d, spec: BankSpec) -> BankLayer:
        return self.fresh_bundle({"": conv}, {"": spec})[""]

    def fresh_bundle(
        self, convs: Mapping[str, nn.Conv2d], specs: Mapping[str, BankSpec]
    ) -> dict[str, BankLayer]:
        size = next(iter(specs.values())).size
        bank = nn.Parameter(torch.randn(size, KERNEL, device=next(iter(convs.values())).weight.device))
        return {name: BankLayer(convs[name], spec, bank) for name, spec in specs.items()}

    def spec_of(self, layer: FamilyLayer) -> BankSpec:
        assert isinstance(layer, BankLayer)
        return layer.spec

    def describe(self, shape: ConvShape, spec: BankSpec) -> tuple[float]:
        return (spec.size / KERNEL - 1.0,)

    def words(self, spec: BankSpec) -> str:
        return f"bank of {spec.size}"

    def numbers(self, spec: BankSpec) -> dict[str, int]:
        return {"size": spec.size}

    def cells(self, numbers: Mapping[str, Any]) -> tuple[str, str]:
        return str(numbers["size"]), "bank"


@dataclass(frozen=True, slots=True)
class TwinSpec(BankSpec):
    """The same numbers under another name."""

    family: ClassVar[str] = "twin"


class TwinFamily(BankFamily):
    """A family that differs from the other in its name alone."""

    name = "twin"
    spec = TwinSpec


FAMILY = BankFamily()
TWIN = TwinFamily()

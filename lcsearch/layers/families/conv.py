"""The family ``conv``: the plain convolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lcsearch.core.checked import Checked
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.family import Family, Numbers
from lcsearch.layers.shape import ConvShape, Places, Size

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.layers.layer import FamilyLayer


@dataclass(frozen=True, slots=True)
class ConvSpec(LayerSpec, Checked):
    """A plain convolution; it has no fields."""

    family: ClassVar[str] = "conv"


class ConvFamily(Family[ConvSpec]):
    """Plain convolutions: what every layer is that nothing is said of."""

    name = "conv"
    colour = "#999999"
    spec = ConvSpec

    def read(self, plain: Mapping[str, Any]) -> ConvSpec:
        """The spec; ``alpha: 1`` may stand there, as configs of version 0.1 have it."""
        from lcsearch.core.strict import problem, shown

        fields = dict(plain)
        if "rank" in fields or "sparsity" in fields:
            raise problem("a plain conv has neither rank nor sparsity; write family: linear")
        alpha = fields.pop("alpha", 1)
        if alpha != 1:
            raise problem(
                f"{shown(alpha)} is not allowed for a plain conv; write 1 or family: linear", ("alpha",)
            )
        return super().read(fields)

    def canonical(self, shape: ConvShape, spec: ConvSpec) -> None:
        """Nothing: a layer without a spec is plain."""
        return

    def size(self, shape: ConvShape, spec: ConvSpec) -> Size:
        """All of its weights and biases."""
        return Size(shape.params, shape.params)

    def macs(self, shape: ConvShape, spec: ConvSpec, places: Places) -> int:
        """One product a weight, at each position of the output."""
        return places.made * shape.macs

    def fresh(self, conv: nn.Conv2d, spec: ConvSpec) -> FamilyLayer:
        """Nothing: a layer without a spec stays as it is."""
        raise TypeError("a plain convolution is not replaced")

    def spec_of(self, layer: FamilyLayer) -> ConvSpec:
        """There is one."""
        return ConvSpec()

    def words(self, spec: ConvSpec) -> str:
        """``plain``."""
        return "plain"

    def numbers(self, spec: ConvSpec) -> Numbers:
        """In the words of LinearConv: every filter is a primary one."""
        return {"alpha": 1.0, "rank": None, "sparsity": None}

    def cells(self, numbers: Numbers) -> tuple[str, str]:
        """``plain``."""
        return "", "plain"


FAMILY = ConvFamily()

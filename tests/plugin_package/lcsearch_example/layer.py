"""The layer of the family ``factored``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.layers.factorized import FactorizedConv2d
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.shape import ConvShape, Places


class FactoredConv2d(FamilyLayer):
    """A convolution whose filters are linear combinations of ``basis``.

    Attributes:
        basis: (learned, in, kh, kw) filters.
        mix: (out, learned) coefficients.
        bias: (out,), or None.
    """

    family = "factored"

    def __init__(self, geometry: Geometry, learned: int, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self.geometry = geometry
        out, place = geometry.out_channels, {"device": device, "dtype": dtype}
        self.basis = nn.Parameter(torch.empty(learned, *geometry.filter_shape, **place))
        self.mix = nn.Parameter(torch.empty(out, learned, **place))
        self.bias = nn.Parameter(torch.empty(out, **place)) if geometry.bias else None
        for parameter in (self.basis, self.mix):
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @property
    def shape(self) -> ConvShape:
        g = self.geometry
        return ConvShape(g.in_channels, g.out_channels, g.kernel_size, g.groups, g.bias)

    def filters(self) -> Tensor:
        """All filters (out, in, kh, kw)."""
        return (self.mix @ self.basis.flatten(1)).view(-1, *self.geometry.filter_shape)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 3:
            return self.forward(x[None])[0]
        return self.geometry.convolve(x, self.filters(), self.bias, 1)

    @torch.no_grad()
    def to_conv(self) -> nn.Conv2d:
        conv = self._conv(self.geometry.arguments)
        conv.weight.copy_(self.filters())
        return self._with_bias(conv)

    @torch.no_grad()
    def factorize(self, places: Places | None = None) -> nn.Module:
        learned = len(self.basis)
        if self.shape.macs <= learned * (self.shape.filter_size + self.shape.out_channels):
            return self.to_conv()
        first = self._conv(self.geometry.arguments | {"out_channels": learned, "bias": False})
        first.weight.copy_(self.basis)
        out, bias = len(self.mix), self.geometry.bias
        last = self._conv({"in_channels": learned, "out_channels": out, "kernel_size": 1, "bias": bias})
        last.weight.copy_(self.mix[:, :, None, None])
        return FactorizedConv2d(first, self._with_bias(last))

    @torch.no_grad()
    def match_scale(self, conv: nn.Conv2d) -> None:
        self.mix *= conv.weight.std(correction=0) / self.filters().std(correction=0)
        if self.bias is not None and conv.bias is not None:
            self.bias.copy_(conv.bias)

    @torch.no_grad()
    def take(self, filters: Tensor) -> None:
        """The closest filters, number by number."""
        u, s, v = torch.linalg.svd(filters.flatten(1), full_matrices=False)
        kept = min(len(self.basis), len(s))
        self.basis.zero_()
        self.mix.zero_()
        self.basis[:kept] = v[:kept].view(kept, *self.geometry.filter_shape).to(self.basis)
        self.mix[:, :kept] = (u * s)[:, :kept].to(self.mix)

    def _conv(self, arguments: dict[str, object]) -> nn.Conv2d:
        return nn.Conv2d(**arguments, device=self.mix.device, dtype=self.mix.dtype)  # type: ignore[arg-type]

    def _with_bias(self, conv: nn.Conv2d) -> nn.Conv2d:
        if self.bias is not None and conv.bias is not None:
            conv.bias.copy_(self.bias)
        return conv

"""The arguments of a 2-d convolution, checked once, and the convolution that they describe."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.layers.shape import ConvShape

Pair = int | tuple[int, int]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


@dataclass(frozen=True, slots=True)
class Geometry:
    """Everything ``nn.Conv2d`` is told apart from device and dtype, pairs spelled out.

    Attributes:
        in_channels: Input channels.
        out_channels: Output channels.
        kernel_size: Kernel height and width.
        stride: Steps down and right.
        padding: Rows and columns added at each side, or ``same`` or ``valid``.
        dilation: Distances of kernel points.
        groups: Groups of channels.
        bias: Whether there is a bias.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
    """

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: str | tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    bias: bool
    padding_mode: str

    @classmethod
    def checked(
        cls,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair,
        padding: str | Pair,
        dilation: Pair,
        groups: int,
        bias: bool,
        padding_mode: str,
    ) -> Geometry:
        """Check the arguments of a convolution and spell out its pairs.

        Raises:
            ValueError: A value does not fit; the message names it and what is allowed.
        """
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels < 1:
                raise ValueError(f"{name}={channels!r} must be at least 1")
            if groups < 1 or channels % groups:
                raise ValueError(f"groups={groups!r} must be at least 1 and divide {name}={channels!r}")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"padding_mode={padding_mode!r} must be one of {', '.join(PADDING_MODES)}")
        stride = _pair("stride", stride, 1)
        return cls(
            in_channels,
            out_channels,
            _pair("kernel_size", kernel_size, 1),
            stride,
            _padding(padding, stride),
            _pair("dilation", dilation, 1),
            groups,
            bool(bias),
            padding_mode,
        )

    @classmethod
    def of(cls, conv: nn.Conv2d) -> Geometry:
        """Return the arguments that ``conv`` was made with."""
        return cls(
            conv.in_channels,
            conv.out_channels,
            (conv.kernel_size[0], conv.kernel_size[1]),
            (conv.stride[0], conv.stride[1]),
            conv.padding if isinstance(conv.padding, str) else (conv.padding[0], conv.padding[1]),
            (conv.dilation[0], conv.dilation[1]),
            conv.groups,
            conv.bias is not None,
            conv.padding_mode,
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for ``nn.Conv2d`` and ``LinearConv2d``."""
        return {name: getattr(self, name) for name in self.__slots__}

    def described(self, **own: Any) -> str:
        """What a layer's ``extra_repr`` shows: these arguments, then those of its own."""
        return ", ".join(f"{name}={value!r}" for name, value in {**self.arguments, **own}.items())

    @property
    def attributes(self) -> dict[str, Any]:
        """Everything that nets can read of an ``nn.Conv2d`` of these arguments, apart from its tensors."""
        return dict(_attributes(self))

    @property
    def shape(self) -> ConvShape:
        """The shape of the parameters of such a convolution."""
        return ConvShape(self.in_channels, self.out_channels, self.kernel_size, self.groups, self.bias)

    @property
    def filter_shape(self) -> tuple[int, int, int]:
        """The shape (in / groups, kh, kw) of one filter."""
        return (self.in_channels // self.groups, *self.kernel_size)

    @property
    def filter_size(self) -> int:
        """Numbers in one filter."""
        return self.filter_shape[0] * self.kernel_size[0] * self.kernel_size[1]

    def edges(self) -> list[int]:
        """Return columns and rows to add: left, right, top, bottom."""
        if self.padding == "valid":
            return [0, 0, 0, 0]
        edges: list[int] = []
        for axis in (1, 0):
            if isinstance(self.padding, str):
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                edges += [total // 2, total - total // 2]
            else:
                edges += [self.padding[axis]] * 2
        return edges

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the output for an input of height x width."""
        left, right, top, bottom = self.edges()
        sizes = []
        for size, pad, axis in ((height, top + bottom, 0), (width, left + right, 1)):
            reach = self.dilation[axis] * (self.kernel_size[axis] - 1)
            sizes.append((size + pad - reach - 1) // self.stride[axis] + 1)
        return sizes[0], sizes[1]

    def convolve(self, x: Tensor, filters: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """Convolve x (n, c, h, w) by filters (f, c / groups, kh, kw) with these arguments."""
        padding: str | tuple[int, int] = self.padding
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, self.edges(), mode=self.padding_mode), (0, 0)
        return F.conv2d(x, filters, bias, self.stride, padding, self.dilation, groups)


def held(module: nn.Module) -> dict[str, Any]:
    """What a module holds that not every module does, apart from tensors, children and hooks."""
    common = vars(nn.Module())
    return {name: value for name, value in vars(module).items() if name not in common}


@cache
def _attributes(geometry: Geometry) -> dict[str, Any]:
    return held(nn.Conv2d(**geometry.arguments, device="meta"))


def _pair(name: str, value: Pair, low: int) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or any(not isinstance(v, int) or v < low for v in pair):
        raise ValueError(f"{name}={value!r} must be one or two whole numbers of at least {low}")
    return pair


def _padding(value: str | Pair, stride: tuple[int, int]) -> str | tuple[int, int]:
    if not isinstance(value, str):
        return _pair("padding", value, 0)
    if value not in ("same", "valid"):
        raise ValueError(f"padding={value!r} must be a number, a pair, 'same' or 'valid'")
    if value == "same" and stride != (1, 1):
        raise ValueError(f"padding='same' needs stride 1, but stride={stride!r}")
    return value


def check_conv(conv: object) -> None:
    """Check that a module is a convolution whose filters can be taken.

    Raises:
        TypeError: It is transposed, lazy, quantised, of another dimension, or no convolution.
    """
    name = f"{type(conv).__module__}.{type(conv).__qualname__}"
    if isinstance(conv, nn.modules.lazy.LazyModuleMixin):
        raise TypeError(f"conv={name} is lazy and has no weights yet; run it on an image first")
    if isinstance(conv, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        raise TypeError(f"conv={name} is a transposed convolution; it must be an nn.Conv2d")
    if "quantiz" in name or "qat" in name:
        raise TypeError(f"conv={name} is quantised; it must be an nn.Conv2d with floating-point weights")
    if not isinstance(conv, nn.Conv2d):
        raise TypeError(f"conv={name} must be an nn.Conv2d")
    if not conv.weight.is_floating_point():
        raise TypeError(f"conv.weight has dtype {conv.weight.dtype}; it must be a floating-point type")
    if conv.weight.is_meta:
        raise TypeError("conv.weight is on the meta device and has no values; move the convolution first")

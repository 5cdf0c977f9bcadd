"""Convolutions of 3x3 by few products: Winograd's minimal filtering (arXiv 1509.09308), and its gradients.

A map is cut into overlapping tiles of k x k, k = m + 2. Tiles and filters are brought to k^2 numbers each by
small matrices; there a convolution is k^2 products of matrices, and a third small matrix brings each result
to m x m numbers of the output. At m = 4 that are 36 products for 16 numbers, where sums over a filter take
144. Results differ from those sums, in float32 by about 1e-6 of their root mean square, in bfloat16 by 0.014,
where sums in bfloat16 differ by 0.003 from exact ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_input, conv2d_weight

_POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 0.75, -0.75, 1.5, -1.5)}
"""Where polynomials are evaluated, by m; infinity is one more.

At m = 4, of all (0, a, -a, b, -b) on a grid these round least: half as much as the usual 1 and 2.
"""
_MOST = 1 << 22
"""Numbers that the tiles of a part of the images may have, with what becomes of them: so that they fit into
caches, and memory is bounded."""


class _Matrices(NamedTuple):
    """What two dimensions are brought forth and back by, as one matrix each."""

    maps: Tensor
    filters: Tensor
    outputs: Tensor


@cache
def _matrices(m: int, dtype: torch.dtype) -> _Matrices:
    points = _POINTS[m]
    others = [[b for b in points if b != a] for a in points]
    powers = np.array([[a**i for i in range(max(m, 3))] for a in points], dtype=float)
    scales = np.array([np.prod([a - b for b in rest]) for a, rest in zip(points, others, strict=True)])
    rows = [[*np.poly(rest)[::-1], 0.0] for rest in others]
    maps = np.array([*rows, np.poly(points)[::-1]])
    filters = np.vstack([powers[:, :3] / scales[:, None], np.eye(3)[2]])
    outputs = np.vstack([powers[:, :m], np.eye(m)[m - 1]]).T
    return _Matrices(*(torch.tensor(np.kron(one, one), dtype=dtype) for one in (maps, filters, outputs)))


@dataclass(frozen=True, slots=True)
class _Tiles:
    """How maps of height x width are cut: `down` x `across` tiles that give m x m numbers each."""

    m: int
    padding: int
    height: int
    width: int
    down: int
    across: int

    @classmethod
    def of(cls, x: Tensor, padding: int, m: int) -> _Tiles:
        height, width = x.shape[2:]
        down, across = (tiles(size, padding, m) for size in (height, width))
        return cls(m, padding, height, width, down, across)

    @property
    def output(self) -> tuple[int, int]:
        return self.height + 2 * self.padding - 2, self.width + 2 * self.padding - 2

    @property
    def places(self) -> int:
        return (self.m + 2) ** 2

    def at_once(self, channels: int) -> int:
        """Images that are computed together."""
        return max(1, _MOST // (self.places * self.down * self.across * channels))

    def maps(self, x: Tensor) -> Tensor:
        """Bring maps (n, c, h, w) to (places, n * tiles, c)."""
        m, k, (n, c) = self.m, self.m + 2, x.shape[:2]
        below, right = self.down * m + 2 - self.height, self.across * m + 2 - self.width
        edge = self.padding
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, edge, right - edge, edge, below - edge))
        image, row, column, channel = padded.stride()
        cut = padded.as_strided(
            (k, k, n, self.down, self.across, c), (row, column, image, row * m, column * m, channel)
        )
        return (_matrices(m, x.dtype).maps @ cut.reshape(k * k, -1)).view(k * k, -1, c)

    def nothing(self, x: Tensor) -> Tensor:
        """Zeros that `spread` adds to: (n, tiles down + 1, m, tiles across + 1, m, c)."""
        return x.new_zeros(len(x), self.down + 1, self.m, self.across + 1, self.m, x.shape[1])

    def spread(self, tiles: Tensor, whole: Tensor) -> None:
        """Bring gradients of `maps` (places, n * tiles, c) back to where they overlap by two, in zeros."""
        m, k = self.m, self.m + 2
        parts = _matrices(m, tiles.dtype).maps.t() @ tiles.view(k * k, -1)
        parts = parts.view(k, k, -1, self.down, self.across, tiles.shape[2]).permute(2, 3, 0, 4, 1, 5)
        whole[:, :-1, :, :-1] = parts[:, :, :m, :, :m]
        whole[:, 1:, :2, :-1] += parts[:, :, m:, :, :m]
        whole[:, :-1, :, 1:, :2] += parts[:, :, :m, :, m:]
        whole[:, 1:, :2, 1:, :2] += parts[:, :, m:, :, m:]

    def cropped(self, whole: Tensor) -> Tensor:
        """What `spread` has made as maps (n, c, h, w)."""
        n, down, m, across, _, c = whole.shape
        edge, maps = self.padding, whole.view(n, down * m, across * m, c)
        return maps[:, edge : edge + self.height, edge : edge + self.width].permute(0, 3, 1, 2)


def tiles(size: int, padding: int, m: int) -> int:
    """How many tiles cover one side of a map."""
    return -(-(size + 2 * padding - 2) // m)


def convolve(x: Tensor, filters: Tensor, bias: Tensor | None, padding: int, m: int) -> Tensor:
    """Convolve with step 1.

    Args:
        x: Maps (n, c, h, w), of at least one number of output; fastest in channels-last layout.
        filters: (f, c, 3, 3) of the same floating-point type, on the same device.
        bias: (f,), or None.
        padding: Zeros added at each edge.
        m: 2 or 4: rows and columns of the output that a tile gives.

    Returns:
        Maps (n, f, h', w'), in channels-last layout.
    """
    made: Tensor = _Winograd.apply(x, filters, bias, padding, m)
    return made


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, filters: Tensor, bias: Tensor | None, padding: int, m: int) -> Tensor:
        ctx.cut = _Tiles.of(x, padding, m)
        made, brought, maps = _answers(ctx.cut, x, filters, bias)
        ctx.save_for_backward(x, filters, brought, maps)
        ctx.save_for_forward(x, filters)
        return made

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, filters, brought, maps = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # derivatives of derivatives
            return (*_by_pytorch(given[0], x, filters, ctx.cut.padding, wanted), None, None)
        return (*_gradients(ctx.cut, given[0], x, brought, maps, wanted), None, None)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """What has no tangent of its own comes with zeros, a bias that is None with None."""
        (x, filters), (of_x, of_filters, of_bias) = ctx.saved_tensors[:2], tangents[:3]
        padding = ctx.cut.padding
        return F.conv2d(of_x, filters, of_bias, 1, padding) + F.conv2d(x, of_filters, None, 1, padding)


def _answers(
    cut: _Tiles, x: Tensor, filters: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The convolution's maps, its filters as tiles have them, and the maps' tiles if they are in one part."""
    m, (f, c), matrices = cut.m, filters.shape[:2], _matrices(cut.m, x.dtype)
    brought = (matrices.filters @ filters.permute(2, 3, 0, 1).reshape(9, -1)).view(cut.places, f, c)
    sizes = (len(x), f, cut.down * m, cut.across * m)
    made = torch.empty(sizes, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    numbers = made.permute(0, 2, 3, 1).view(len(x), cut.down, m, cut.across, m, f)
    step = cut.at_once(f + c)
    for begin in range(0, len(x), step):
        maps = cut.maps(x[begin : begin + step])
        products = torch.bmm(maps, brought.transpose(1, 2))
        part = (matrices.outputs @ products.view(cut.places, -1)).view(m, m, -1, cut.down, cut.across, f)
        numbers[begin : begin + step] = part.permute(2, 3, 0, 4, 1, 5)
    if bias is not None:
        made += bias[:, None, None]
    height, width = cut.output
    if made.shape[2:] != (height, width):
        made = made[:, :, :height, :width].clone(memory_format=torch.channels_last)
    return made, brought, maps if step >= len(x) else None


def _gradients(
    cut: _Tiles, gradient: Tensor, x: Tensor, brought: Tensor, maps: Tensor | None, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of x, filters and bias, of those that are wanted."""
    m, (_, f, c) = cut.m, brought.shape
    (height, width), matrices = cut.output, _matrices(cut.m, x.dtype)
    whole = F.pad(gradient.permute(0, 2, 3, 1), (0, 0, 0, cut.across * m - width, 0, cut.down * m - height))
    numbers = whole.reshape(len(x), cut.down, m, cut.across, m, f).permute(2, 4, 0, 1, 3, 5)
    of_x = cut.nothing(x) if wanted[0] else None
    of_filters = brought.new_empty(brought.shape if wanted[1] else 0)
    step = cut.at_once(f + c)
    for begin in range(0, len(x), step):
        part = numbers[:, :, begin : begin + step].reshape(m * m, -1)
        products = (matrices.outputs.t() @ part).view(cut.places, -1, f)
        if wanted[1]:
            met = cut.maps(x[begin : begin + step]) if maps is None else maps
            of_filters.baddbmm_(products.transpose(1, 2), met, beta=float(begin > 0))
        if of_x is not None:
            cut.spread(torch.bmm(products, brought), of_x[begin : begin + step])
    flat = matrices.filters.t() @ of_filters.view(cut.places, -1) if wanted[1] else None
    return (
        None if of_x is None else cut.cropped(of_x),
        None if flat is None else flat.view(3, 3, f, c).permute(2, 3, 0, 1),
        gradient.sum((0, 2, 3)) if wanted[2] else None,
    )


def _by_pytorch(
    gradient: Tensor, x: Tensor, filters: Tensor, padding: int, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    of_x = conv2d_input(x.shape, filters, gradient, padding=padding) if wanted[0] else None
    of_filters = conv2d_weight(x, filters.shape, gradient, padding=padding) if wanted[1] else None
    return of_x, of_filters, gradient.sum((0, 2, 3)) if wanted[2] else None

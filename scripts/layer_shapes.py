"""Single convolutions of backbones, for the scripts that measure layers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lcsearch.layers.geometry import Geometry
from lcsearch.nets import backbones
from lcsearch.nets.replaceable import conv_layers


def convolutions(names: Iterable[str], image_size: int = 32) -> list[tuple[Geometry, int]]:
    """Every different convolution of some backbones, with the size of its input."""
    seen: dict[tuple[Geometry, int], None] = {}
    for name in names:
        model = backbones.build(name, num_classes=10, in_channels=3).eval()
        for conv in conv_layers(model).values():
            conv.register_forward_hook(
                lambda conv, images, _: seen.setdefault((Geometry.of(conv), images[0].shape[-1]))
            )
        model(torch.randn(1, 3, image_size, image_size))
    return list(seen)


def title_of(g: Geometry, size: int) -> str:
    kernel = f"{g.kernel_size[0]}x{g.kernel_size[1]}/{g.stride[0]}"
    bias = "with bias" if g.bias else "without bias"
    return f"{g.in_channels}-{g.out_channels} {kernel} {bias} groups {g.groups} at {size}"


def images_for(g: Geometry, size: int, batch: int, device: str) -> Tensor:
    """A batch for a convolution; it gets a gradient unless it is of images."""
    x = torch.randn(batch, g.in_channels, size, size, device=device)
    return x.contiguous(memory_format=torch.channels_last).requires_grad_(g.in_channels != 3)


def layer_step(layer: nn.Module, x: Tensor, gradient: Tensor) -> None:
    """Forward and backward."""
    x.grad = None
    layer.zero_grad(set_to_none=True)
    layer(x).backward(gradient)

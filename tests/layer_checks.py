"""What layers of every family owe to PyTorch, asked of one layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def check_compiled(layer: nn.Module, images: Tensor, parameter: nn.Parameter) -> None:
    """It is compiled as a whole, and in evaluation sees that a parameter has changed."""
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(images), layer(images))
    compiled(images).sum().backward()
    layer.eval()
    with torch.no_grad():
        before = compiled(images)
        parameter.mul_(2)
        assert not torch.equal(compiled(images), before)
        torch.testing.assert_close(compiled(images), layer(images))


def check_exported(layer: nn.Module, images: Tensor) -> None:
    """What is exported in evaluation takes other numbers of images."""
    layer.eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(layer, (images,), dynamic_shapes=({0: batch},))
    other = torch.randn(5, *images.shape[1:])
    torch.testing.assert_close(program.module()(other), layer(other))


def check_derivatives(layer: nn.Module, images: Tensor) -> None:
    """First and second derivatives, by images and parameters of float64, are those of differences."""
    names = [name for name, _ in layer.named_parameters()]

    def output(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    inputs = (
        images.requires_grad_(),
        *(p.detach().clone().requires_grad_() for p in layer.parameters()),
    )
    assert torch.autograd.gradcheck(output, inputs)
    assert torch.autograd.gradgradcheck(output, inputs)

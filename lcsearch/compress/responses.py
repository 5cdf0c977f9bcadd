"""What convolutions do to real images, at sampled places of their output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PLACES = 16
"""Places that are looked at in each image's feature map: neighbours say much the same."""
MOST_PIXELS = 4_000_000
"""Pixels of an input channel that go through a model at once: of large images fewer are taken."""
WEIGHED = 128
"""Images that tell how much channels matter."""
LEAST_WEIGHT = 0.05
_WEIGHED_AT_ONCE = 32
_SEED = 20190711


BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm


@dataclass(eq=False)
class Response:
    """What a convolution answered when it was first called.

    Attributes:
        shape: Of the whole output, (n, out, h, w).
        places: (n, m) int64, sampled places of the flattened feature maps.
        samples: (n * m, out) outputs at these places.
        mean: (out,) over all places.
        normalised: Whether a batch norm layer took the output as it was.
        weight: (out,) float64, on the CPU: how much an error of each channel matters, 1 on average.
    """

    shape: torch.Size
    places: Tensor
    samples: Tensor
    mean: Tensor
    normalised: bool = False
    weight: Tensor = field(default_factory=lambda: torch.ones(()))

    def only(self, left: Tensor) -> Response:
        """That of some of the outputs."""
        shape = torch.Size((self.shape[0], len(left), *self.shape[2:]))
        samples, mean = self.samples[:, left], self.mean[left]
        return Response(shape, self.places, samples, mean, self.normalised, self.weight[left])


def at_once(images: Tensor) -> Tensor:
    """Return as many of the images (n, c, h, w) as may go through a model at once, the first ones."""
    return images[: max(2, MOST_PIXELS // images[0, 0].numel())]


def sample(output: Tensor, places: Tensor) -> Tensor:
    """Return an output (n, out, h, w) at places (n, m), as (n * m, out)."""
    index = places[:, None].expand(-1, output.shape[1], -1)
    return output.flatten(2).gather(2, index).transpose(1, 2).flatten(0, 1)


def draw_places(shape: torch.Size, device: torch.device, count: int = PLACES) -> Tensor:
    """Return places (n, m) of a map of a shape (n, out, h, w): always the same, without repetition.

    Args:
        shape: Of the map.
        device: Of the places.
        count: The most places of an image.
    """
    images, area = shape[0], shape[2] * shape[3]
    if area <= count:
        return torch.arange(area, device=device).expand(images, -1)
    generator = torch.Generator().manual_seed(_SEED)
    order = torch.rand(images, area, generator=generator).argsort(dim=1)
    return order[:, :count].to(device)


@torch.no_grad()
def record(
    model: nn.Module, convs: Mapping[str, nn.Conv2d], images: Tensor, weighed: int = WEIGHED
) -> dict[str, Response]:
    """Run a model in evaluation mode and return what its convolutions answer, those that are called.

    Args:
        model: Left as it is, its mode included.
        convs: Convolutions of the model, by any name.
        images: (n, c, h, w), on the model's device.
        weighed: Images that tell how much channels matter.
    """
    found: dict[str, Response] = {}
    last: list[tuple[str, Any]] = []

    def on_conv(name: str, output: Tensor) -> None:
        if name not in found and output.dim() == 4:
            places = draw_places(output.shape, output.device)
            found[name] = Response(output.shape, places, sample(output, places), output.mean((0, 2, 3)))
            last[:] = [(name, output)]

    def on_norm(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if last and inputs and inputs[0] is last[0][1]:
            found[last[0][0]].normalised = True
        last.clear()

    handles = [
        conv.register_forward_hook(lambda module, inputs, output, name=name: on_conv(name, output))
        for name, conv in convs.items()
    ]
    handles += [norm.register_forward_pre_hook(on_norm) for norm in norms(model)]
    try:
        with evaluation(model):
            model(images.clone())
    finally:
        for handle in handles:
            handle.remove()
    weights = importance(model, convs, images[:weighed])
    for name, response in found.items():
        response.weight = weights.get(name, torch.ones(response.shape[1], dtype=torch.float64))
    return found


def importance(model: nn.Module, convs: Mapping[str, nn.Conv2d], images: Tensor) -> dict[str, Tensor]:
    """Return how much an error in each channel of convolutions matters to what the model says.

    The root of what `sensitivities` returns, divided by its mean, and at least ``LEAST_WEIGHT``.

    Args:
        model: Run in evaluation mode; left as it is.
        convs: Convolutions of the model, by any name.
        images: (n, c, h, w), on the model's device.

    Returns:
        (out,) float64, on the CPU, by name, where `sensitivities` has any.
    """
    return {name: _weights(square) for name, square in sensitivities(model, convs, images).items()}


def sensitivities(model: nn.Module, layers: Mapping[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    """Return the squared gradient of what the model says with respect to each channel of layers.

    That of the log-likelihood, summed over images, places and classes drawn as the model believes (the
    diagonal of the Fisher information): no labels are needed.

    Args:
        model: Run in evaluation mode; left as it is.
        layers: Convolutions and linear layers of the model, by any name.
        images: (n, c, h, w), on the model's device.

    Returns:
        (out,) float64, on the CPU, by name; nothing for a model that does not give (n, classes), or gives no
        gradients, and for layers that have none.
    """
    squares: dict[str, Tensor] = {}

    def add(name: str, gradient: Tensor) -> None:
        own = as_map(layers[name], gradient.detach())
        if own is not None:
            own = own.float().square().transpose(0, 1).flatten(1).sum(1)
            squares[name] = squares[name] + own if name in squares else own

    def watch(name: str, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(lambda gradient: add(name, gradient))

    handles = [
        layer.register_forward_hook(lambda module, inputs, output, name=name: watch(name, output))
        for name, layer in layers.items()
    ]
    generator = torch.Generator().manual_seed(_SEED)
    try:
        with evaluation(model), _frozen((model, *layers.values())), torch.enable_grad():
            for some in images.tensor_split(-(-len(images) // _WEIGHED_AT_ONCE)):
                _backward(model, some, generator)
    finally:
        for handle in handles:
            handle.remove()
    return {name: square.cpu().double() for name, square in squares.items()}


def as_map(layer: nn.Module, value: Tensor) -> Tensor | None:
    """What a layer is given, or answers, as a map (n, channels, h, w); None where it is none.

    A linear layer's (n, ..., channels) becomes one of as many places as the dimensions between have.
    """
    if isinstance(layer, nn.Linear):
        flat = value.dim() > 1 and value.numel() > 0
        return value.movedim(-1, 1).reshape(len(value), value.shape[-1], -1, 1) if flat else None
    return value if value.dim() == 4 else None


def _backward(model: nn.Module, images: Tensor, generator: torch.Generator) -> None:
    """Run back the log-likelihood of drawn classes.

    By ``backward()``, since ``torch.autograd.grad`` does not go through activations that are computed again
    (``checkpoint(..., use_reentrant=True)``); the parameters want no gradients here.
    """
    images = images.detach().clone().requires_grad_()
    scores = model(images.clone())  # what a net works on in place must be no leaf
    if not isinstance(scores, Tensor) or scores.dim() != 2 or not scores.requires_grad:
        return
    chances = scores.detach().float().softmax(1).cpu()
    if not bool(chances.isfinite().all()):
        return
    drawn = torch.multinomial(chances, 1, generator=generator)[:, 0].to(scores.device)
    F.cross_entropy(scores.float(), drawn, reduction="sum").backward()  # type: ignore[no-untyped-call]


def _weights(squares: Tensor) -> Tensor:
    weight = squares.sqrt()
    mean = weight.mean()
    if not bool(mean.isfinite()) or mean <= 0:
        return torch.ones_like(weight)
    return (weight / mean).clamp_min(LEAST_WEIGHT)


@contextmanager
def _frozen(modules: Iterable[nn.Module]) -> Iterator[None]:
    """No parameter wants a gradient inside; those that did do so again."""
    parameters = {parameter for module in modules for parameter in module.parameters()}
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


def norms(model: nn.Module) -> list[BatchNorm]:
    """The batch norm layers of a model that keep running statistics."""
    return [m for m in model.modules() if isinstance(m, BatchNorm) and m.running_mean is not None]


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; each module's own mode is put back."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode

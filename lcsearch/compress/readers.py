"""The layers that read a net's channels and can be solved again: which, what they read, what they answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.core.torch_private import hooks_of
from lcsearch.nets.channels import ChannelGroups
from lcsearch.nets.replaceable import conv_layers

ROWS = 4096
"""Places of all images together that a layer is looked at."""

Layer = nn.Conv2d | nn.Linear


@dataclass(frozen=True, eq=False)
class Reader:
    """A layer whose weights are made again when channels that it reads go.

    Attributes:
        layer: A plain convolution, or a linear layer.
        inputs: Name of each group that it reads to the places of its channels among the inputs, (size, n).
    """

    layer: Layer
    inputs: Mapping[str, Tensor]


@dataclass(eq=False)
class Seen:
    """What a reader was given and answered when it was first called.

    Attributes:
        given: Shape of its input as a map, (n, in, h, w).
        shape: Shape of its output as a map, (n, out, h, w).
        places: (n, m) sampled places of the output.
        wanted: (n * m, out) outputs there.
        moments: Name of a group to its channels' second moments (size, size) and means (size,), float64, on
            the CPU.
        normalised: Whether a batch norm layer took the output as it was.
        calls: How often it was called.
    """

    given: torch.Size
    shape: torch.Size
    places: Tensor
    wanted: Tensor
    moments: Mapping[str, tuple[Tensor, Tensor]]
    normalised: bool = False
    calls: int = field(default=1)


def readers(model: nn.Module, groups: ChannelGroups) -> dict[str, Reader]:
    """The readers of a net by module name.

    Left out are what is not solved but only loses channels: convolutions that are more than plain ones, of
    other dimensions, or depthwise.

    Args:
        model: A net of plain layers.
        groups: Its groups of channels.
    """
    convs = conv_layers(model)
    places: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
    for group in groups.groups:
        for cut in group.cuts:
            owner, _, own = cut.tensor.rpartition(".")
            if own == "weight" and cut.dim == 1 and (owner in convs or _linear(model.get_submodule(owner))):
                each = cut.offset + torch.arange(group.size * cut.repeat)
                places[owner][group.name].append(each.view(group.size, cut.repeat))
    found = {}
    for name, module in model.named_modules():
        if name in places and isinstance(module, Layer):
            inputs = {group: torch.cat(parts, 1) for group, parts in places[name].items()}
            found[name] = Reader(module, inputs)
    return found


def _linear(module: nn.Module) -> bool:
    return type(module) is nn.Linear and not hooks_of(module)


@torch.no_grad()
def see(model: nn.Module, found: Mapping[str, Reader], images: Tensor) -> dict[str, Seen]:
    """Run a net in evaluation mode and return what its readers read and answer, those that are called.

    Args:
        model: Left as it is, its mode included.
        found: Its readers.
        images: (n, c, h, w), on the model's device.
    """
    seen: dict[str, Seen] = {}
    last: list[tuple[str, Any]] = []

    def on_layer(name: str, inputs: tuple[Any, ...], output: Any) -> None:
        if name in seen:
            seen[name].calls += 1
        elif inputs and (made := _seen(found[name], inputs[0], output)) is not None:
            seen[name] = made
            last[:] = [(name, output)]

    def on_norm(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if last and inputs and inputs[0] is last[0][1]:
            seen[last[0][0]].normalised = True
        last.clear()

    handles = [
        reader.layer.register_forward_hook(
            lambda module, inputs, output, name=name: on_layer(name, inputs, output)
        )
        for name, reader in found.items()
    ]
    handles += [norm.register_forward_pre_hook(on_norm) for norm in responses.norms(model)]
    try:
        with responses.evaluation(model):
            model(images.clone())
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _seen(reader: Reader, given: Tensor, output: Tensor) -> Seen | None:
    x, y = responses.as_map(reader.layer, given), responses.as_map(reader.layer, output)
    if x is None or y is None:
        return None
    places = responses.draw_places(y.shape, y.device, _each(y))
    sample = responses.sample(x, responses.draw_places(x.shape, x.device, _each(x)))
    moments = {group: _moments(sample, own) for group, own in reader.inputs.items()}
    return Seen(x.shape, y.shape, places, responses.sample(y, places), moments)


def _each(value: Tensor) -> int:
    """Places of one image."""
    return max(1, ROWS // len(value))


def _moments(sample: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Second moments and means of channels from a sample (n, in) and where they lie in it, (size, n)."""
    rows = sample[:, places.to(sample.device)].transpose(1, 2).flatten(0, 1)
    return (rows.T @ rows / len(rows)).double().cpu(), rows.mean(0).double().cpu()


def rows(layer: Layer, x: Tensor, places: Tensor) -> Tensor:
    """What a layer sums up at each place of its output, in the order of its weights.

    Args:
        layer: Its weights (out, d) times a row are its answer without bias, for each of its groups.
        x: Its input as a map, (n, in, h, w).
        places: (n, m) places of the flattened output.

    Returns:
        (n * m, groups * d).
    """
    if isinstance(layer, nn.Linear):
        return responses.sample(x, places)
    (kh, kw), (sh, sw), (dh, dw) = layer.kernel_size, layer.stride, layer.dilation
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    x = F.pad(x, layer._reversed_padding_repeated_twice, mode)
    width = (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    down = (places // width * sh)[..., None] + (torch.arange(kh, device=x.device) * dh).repeat_interleave(kw)
    along = (places % width * sw)[..., None] + (torch.arange(kw, device=x.device) * dw).repeat(kh)
    index = (down * x.shape[3] + along).flatten(1)[:, None].expand(-1, x.shape[1], -1)
    taken = x.flatten(2).gather(2, index).view(len(x), x.shape[1], places.shape[1], kh * kw)
    return taken.transpose(1, 2).flatten(0, 1).flatten(1)


def inside(found: Mapping[str, Reader], group: str) -> Iterator[tuple[str, Tensor]]:
    """The readers of one group by name, each with the places of its channels."""
    return ((name, reader.inputs[group]) for name, reader in found.items() if group in reader.inputs)

"""Which places of which tensors a group's channels are, from what Torch-Pruning says of one layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import nn

from lcsearch.core.text import kind_of
from lcsearch.nets.channels.groups import Cut

_CONVOLUTIONS = nn.Conv1d | nn.Conv2d | nn.Conv3d
_TRANSPOSED = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
MAKERS = _CONVOLUTIONS | _TRANSPOSED | nn.Linear
"""Layers whose outputs are channels of their own."""


NOT_FOLLOWED = "not all that reads them could be followed"
"""Why channels stay whose way through the net is not known."""


class UncuttableError(Exception):
    """Channels that stay, and why in a few words."""


class Lies(NamedTuple):
    """A tensor that channels lie in: along which dimension, and how many blocks of them share the places."""

    tensor: str
    dim: int
    blocks: int = 1


def blocks_in(module: nn.Module) -> int:
    """Of how many equal parts of a layer's channels equally many must stay."""
    if isinstance(module, nn.GroupNorm):
        return 1 if module.num_groups == module.num_channels else module.num_groups
    groups: int = getattr(module, "groups", 1) if isinstance(module, MAKERS) else 1
    return 1 if _is_depthwise(module) else groups


def _is_of_channels(module: nn.Module) -> bool:
    """Whether a layer norm is over channels alone."""
    return isinstance(module, nn.LayerNorm) and len(module.normalized_shape) == 1


def _is_depthwise(module: nn.Module) -> bool:
    """Whether a layer makes each channel of the one channel in its place."""
    if not isinstance(module, _CONVOLUTIONS | _TRANSPOSED):
        return False
    return module.groups == module.in_channels == module.out_channels > 1


def tensors(name: str, module: nn.Module, outputs: bool) -> Iterator[Lies]:
    """The tensors of a layer that channels lie in.

    Args:
        name: The layer's module name.
        module: The layer.
        outputs: Whether the channels are its outputs; otherwise its inputs.

    Raises:
        UncuttableError: They cannot be taken out of such a layer.
    """
    own = [key for key, _ in (*module.named_parameters(), *module.named_buffers())]
    if isinstance(module, MAKERS):
        if not {"weight"} <= set(own) <= {"weight", "bias"}:
            raise UncuttableError(f"{name!r} makes its weights of others")
        yield from _of_maker(name, module, outputs)
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        yield from (Lies(f"{name}.{key}", 0) for key in own if key != "num_batches_tracked")
    elif own and (isinstance(module, nn.GroupNorm) or _is_of_channels(module)):
        yield from (Lies(f"{name}.{key}", 0) for key in own)
    elif isinstance(module, nn.PReLU):
        yield from [Lies(f"{name}.weight", 0)] if module.num_parameters > 1 else []
    elif own or isinstance(module, nn.LayerNorm | nn.GroupNorm):
        raise UncuttableError(f"{name!r} is {kind_of(module)}")


def _of_maker(name: str, module: nn.Module, outputs: bool) -> Iterator[Lies]:
    transposed, blocks = isinstance(module, _TRANSPOSED), blocks_in(module)
    if blocks > 1 and (transposed or blocks == module.out_channels):
        raise UncuttableError(f"{name!r} has {blocks} groups")
    outputs = outputs or _is_depthwise(module)  # channel by channel: its inputs are its outputs
    dim = 0 if _is_depthwise(module) else int(outputs == transposed)
    yield Lies(f"{name}.weight", dim, 1 if outputs else blocks)
    if outputs and module.bias is not None:
        yield Lies(f"{name}.bias", 0)


def cuts(tensor: str, dim: int, size: int, places: Sequence[int], channels: Sequence[int]) -> list[Cut]:
    """The cuts that say where the channels of a group lie in a tensor.

    Args:
        tensor: The tensor's name.
        dim: The dimension.
        size: Channels in the group.
        places: Places along the dimension.
        channels: The channel that each place belongs to.

    Raises:
        UncuttableError: Not every channel lies there in the same way.
    """
    if _one_by_one(size, places, channels):
        return [Cut(tensor, dim, places[0])]
    own: dict[int, list[int]] = defaultdict(list)
    for place, channel in zip(places, channels, strict=True):
        own[channel].append(place)
    first = sorted(own.get(0, ()))
    starts = [place for before, place in pairwise([-2, *first]) if place != before + 1]
    ends = [place for place, after in pairwise([*first, -2]) if after != place + 1]
    found = [Cut(tensor, dim, start, end - start + 1) for start, end in zip(starts, ends, strict=True)]
    for channel in range(size):
        expected = [c.offset + channel * c.repeat + k for c in found for k in range(c.repeat)]
        if sorted(expected) != sorted(own.get(channel, ())) or not expected:
            raise UncuttableError("only some of them are joined with those of other layers")
    return found


def _one_by_one(size: int, places: Sequence[int], channels: Sequence[int]) -> bool:
    """Whether all channels lie one behind the other, as in most tensors."""
    in_order = len(places) == size and list(channels) == list(range(size))
    return in_order and list(places) == list(range(places[0], places[0] + size))

"""A net with fewer channels: the same standard layers, their tensors cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lcsearch.nets.channels.groups import ChannelGroup, ChannelGroups, Places

Keep = Mapping[str, int | Sequence[int]]
"""Name of a group to the channels that stay: their numbers, or how many of the first of each block."""


@torch.no_grad()
def thin(model: nn.Module, groups: ChannelGroups, keep: Keep, *, rescale: bool = False) -> nn.Module:
    """Take channels out of a net, in place.

    Args:
        model: The net whose groups these are, of plain layers, on any device.
        groups: Its groups of channels.
        keep: What stays of them; a group that is not named stays whole.
        rescale: Multiply weights by the root of how many times fewer inputs they sum up, so that the answers
            of fresh layers keep their scale.

    Returns:
        The same module; its layers' numbers of channels are those that are left.

    Raises:
        InputError: A group is unknown.
        ValueError: Not equally many stay of each block of a group.
    """
    gone: dict[tuple[str, int], list[Places]] = defaultdict(list)
    for name, stays in keep.items():
        group = groups[name]
        lost = _lost(group, stays)
        if len(lost):
            for cut in group.cuts:
                gone[cut.tensor, cut.dim].append(cut.places(group.size, lost))
    modules = dict(model.named_modules(remove_duplicate=False))
    for (tensor, dim), parts in gone.items():
        owner, _, own = tensor.rpartition(".")
        _cut(modules[owner], own, dim, np.concatenate(parts, axis=1), rescale)
    for owner in {tensor.rpartition(".")[0] for tensor, _ in gone}:
        _tell(modules[owner])
    return model


def _lost(group: ChannelGroup, stays: int | Sequence[int]) -> Places:
    """Numbers of the channels that go."""
    kept = group.first(stays) if isinstance(stays, int) else stays
    lost = np.setdiff1d(np.arange(group.size), kept)
    each = np.bincount(lost * group.blocks // group.size, minlength=group.blocks)
    if len(set(each)) > 1:
        raise ValueError(f"{group.name}: not equally many channels of its {group.blocks} blocks stay")
    return lost


def _cut(module: nn.Module, name: str, dim: int, places: Places, rescale: bool) -> None:
    """Take places out of one dimension of a module's tensor: a row of them for each block of dimension 0."""
    old = getattr(module, name)
    new = _without(old.detach(), dim, places)
    if rescale and name == "weight" and _sums(module, dim) and not old.is_meta:
        new = new * (old.shape[dim] / new.shape[dim]) ** 0.5
    if old.dim() == 4 and old.is_contiguous(memory_format=torch.channels_last):
        new = new.contiguous(memory_format=torch.channels_last)
    setattr(module, name, nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new)


def _without(old: Tensor, dim: int, places: Places) -> Tensor:
    """A tensor without places of a dimension."""
    if old.is_meta:  # a shape is all that it has, and all that is cut at each count of a model
        return old.new_empty((*old.shape[:dim], old.shape[dim] - places.shape[1], *old.shape[dim + 1 :]))
    left = [np.setdiff1d(np.arange(old.shape[dim]), row) for row in places]
    blocks = zip(old.chunk(len(left)), left, strict=True)
    return torch.cat([block.index_select(dim, torch.from_numpy(row).to(old.device)) for block, row in blocks])


def _sums(module: nn.Module, dim: int) -> bool:
    """Whether a layer sums over this dimension of its weight."""
    inputs = 0 if isinstance(module, _TRANSPOSED) else 1
    return isinstance(module, (*_CONVOLUTIONS, nn.Linear)) and dim == inputs


_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)


def _tell(module: nn.Module) -> None:
    """Set what a module knows of its channels by what its tensors have left."""
    if isinstance(module, _CONVOLUTIONS):
        first, second = module.weight.shape[:2]
        if module.groups == module.in_channels == module.out_channels > 1:  # depthwise
            module.groups = module.in_channels = module.out_channels = first
        elif module.groups > 1:
            module.out_channels, module.in_channels = first, second * module.groups
        elif isinstance(module, _TRANSPOSED):
            module.in_channels, module.out_channels = first, second
        else:
            module.out_channels, module.in_channels = first, second
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = (*module.normalized_shape[:-1], module.weight.shape[-1])
    elif isinstance(module, nn.GroupNorm):
        alone = module.num_groups == module.num_channels
        module.num_channels = len(module.weight)
        module.num_groups = module.num_channels if alone else module.num_groups
    elif isinstance(module, nn.PReLU):
        module.num_parameters = module.weight.numel()
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        module.num_features = len(next(iter((*module.parameters(), *module.buffers()))))

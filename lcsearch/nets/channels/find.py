"""Finds the groups of channels of a net, by Torch-Pruning's graph of what depends on what.

Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023 (arXiv 2301.12900).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lcsearch.core.errors import one_line
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.channels.groups import ChannelGroup, ChannelGroups, Cut, Whole
from lcsearch.nets.channels.places import MAKERS, UncuttableError, cuts, tensors
from lcsearch.nets.copying import copied_to

__all__ = ["find_groups", "groups_of"]


def find_groups(model: nn.Module, image: tuple[int, int, int]) -> ChannelGroups:
    """Find what channels of a net belong together.

    The logits stay, and so do the image's channels, and those of a convolution with groups that is not
    depthwise. What the graph makes of a net can be wrong where its forward holds a number of channels:
    `verified` knows.

    Args:
        model: Any net of plain layers; it is left as it is.
        image: Channels, height and width of an image that it takes.

    Returns:
        The groups, and what cannot be thinned. A net that cannot be traced has none, and says why.
    """
    for device in ("meta", "cpu"):  # what needs values cannot run on the meta device
        net = copied_to(model, torch.device(device)).eval().requires_grad_()
        try:
            with torch.random.fork_rng(devices=[]), torch.enable_grad(), torch.device(device):
                return _groups(net, torch.zeros(2, *image))
        except Exception as error:  # what a net, or the graph of one, raises is theirs to choose
            failed = error
    return ChannelGroups((), (Whole("", f"the net cannot be traced: {one_line(failed)}"),))


def groups_of(spec: ModelSpec) -> ChannelGroups:
    """The groups of a spec's plain backbone, found once per process.

    Raises:
        InputError: The backbone cannot be built.
        ValueError: The spec says nothing of the images.
    """
    if spec.image_size is None:
        raise ValueError("a spec without image_size has no groups of channels")
    return _groups_of(spec.backbone, spec.num_classes, spec.in_channels, spec.width, spec.image_size)


@lru_cache(maxsize=8)
def _groups_of(
    backbone: str, num_classes: int, in_channels: int, width: float, image_size: tuple[int, int]
) -> ChannelGroups:
    from lcsearch.nets import backbones

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = backbones.build(backbone, num_classes=num_classes, in_channels=in_channels, width=width)
    return find_groups(model, (in_channels, *image_size))


def _groups(net: nn.Module, images: Tensor) -> ChannelGroups:
    import torch_pruning

    graph = torch_pruning.DependencyGraph()
    graph.build_dependency(net, images, verbose=False)
    names: dict[Any, str] = {module: name for name, module in net.named_modules()}
    names |= {parameter: name for name, parameter in net.named_parameters()}
    order = {name: place for place, name in enumerate(names.values())}
    shared, found, whole = _shared(net), list[ChannelGroup](), list[Whole]()
    for joined in graph.get_all_groups():
        uses = [_use(graph, item) for item in joined if item.dep.target.module in names]
        if _gives_logits(graph, joined):
            continue
        makers = sorted({names[use.layer] for use in uses if use.makes}, key=order.__getitem__)
        try:
            found.append(_group(uses, names, makers, shared))
        except UncuttableError as error:
            whole += [Whole(name, str(error)) for name in makers]
    found.sort(key=lambda group: order[group.name])
    return ChannelGroups(tuple(found), tuple(sorted(whole, key=lambda one: order[one.name])))


class _Use(NamedTuple):
    """What a group is to one layer or loose parameter: at each place of a dimension, which channel."""

    layer: Any
    outputs: bool
    makes: bool
    dim: int
    places: list[int]
    channels: list[int]


def _use(graph: Any, item: Any) -> _Use:
    layer, handler = item.dep.target.module, item.dep.handler
    outputs = graph.is_out_channel_pruning_fn(handler)
    makes = outputs and isinstance(layer, MAKERS)
    return _Use(layer, outputs, makes, item.dep.target.pruning_dim, item.idxs, item.root_idxs)


def _gives_logits(graph: Any, joined: Any) -> bool:
    """Whether a group's channels are what the net answers."""
    from torch_pruning.ops import OPTYPE

    return any(
        item.dep.target.type == OPTYPE.OUTPUT
        or (graph.is_out_channel_pruning_fn(item.dep.handler) and not item.dep.target.outputs)
        for item in joined
    )


def _group(uses: list[_Use], names: Mapping[Any, str], makers: list[str], shared: set[str]) -> ChannelGroup:
    root = uses[0]
    size, found, whole_makers = len(root.places), list[Cut](), []
    for use in uses:
        name = names[use.layer]
        if isinstance(use.layer, nn.Parameter):
            where = [(name, use.dim % use.layer.dim())]
        else:
            where = list(tensors(name, use.layer, use.outputs))
        for tensor, dim in where:
            if tensor in shared:
                raise UncuttableError(f"{tensor!r} is shared")
            found += cuts(tensor, dim, size, use.places, use.channels)
        if use.makes and len(use.places) == size:
            whole_makers.append(name)
    first = min(whole_makers, key=makers.index)
    return ChannelGroup(first, size, tuple(makers), tuple(dict.fromkeys(found)))


def _shared(net: nn.Module) -> set[str]:
    """Names of parameters that lie in more than one module."""
    seen: dict[nn.Parameter, str] = {}
    found = set()
    for module_name, module in net.named_modules():
        for key, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            name = f"{module_name}.{key}" if module_name else key
            if seen.setdefault(parameter, name) != name:
                found |= {name, seen[parameter]}
    return found

"""Finds the groups of channels of a net, by Torch-Pruning's graph of what depends on what.

Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023 (arXiv 2301.12900).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from math import lcm
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError, one_line
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.channels.groups import ChannelGroup, ChannelGroups, Cut, Whole
from lcsearch.nets.channels.places import (
    MAKERS,
    NOT_FOLLOWED,
    Lies,
    UncuttableError,
    blocks_in,
    cuts,
    tensors,
)
from lcsearch.nets.channels.pruning_private import unchanged, views_followed_with_care, with_an_end
from lcsearch.nets.copying import copied_to
from lcsearch.nets.scores import tensors_in

__all__ = ["find_groups", "groups_of", "image_of"]


def find_groups(model: nn.Module, image: tuple[int, int, int]) -> ChannelGroups:
    """Find what channels of a net belong together.

    The logits stay, and so do the image's channels. What the graph makes of a net can be wrong, where its
    forward holds a number of channels for example: `verified` knows.

    Args:
        model: Any net of plain layers; it is left as it is.
        image: Channels, height and width of an image that it takes.

    Returns:
        The groups, and what cannot be thinned. A net that cannot be traced has none, and says why.
    """
    for device in ("meta", "cpu"):  # what needs values cannot run on the meta device
        net = copied_to(model, torch.device(device)).eval().requires_grad_()
        try:
            quiet = torch.random.fork_rng(devices=[])
            with quiet, torch.enable_grad(), torch.device(device):
                return _groups(net, torch.zeros(2, *image))
        except Exception as error:  # what a net, or the graph of one, raises is theirs to choose
            failed = error
    return ChannelGroups((), (Whole("", f"the net cannot be traced: {one_line(failed)}"),))


def groups_of(spec: ModelSpec) -> ChannelGroups:
    """The groups of a spec's plain backbone, found once per process.

    Raises:
        InputError: The backbone cannot be built, or the spec says nothing of the images.
    """
    return _groups_of(spec.backbone, spec.num_classes, spec.width, image_of(spec))


def image_of(spec: ModelSpec) -> tuple[int, int, int]:
    """Channels, height and width of the images on which a spec's groups are found.

    Raises:
        InputError: The spec does not say.
    """
    if spec.image_size is None:
        raise InputError("image_size: is missing; groups of channels are found on images of a size")
    return (spec.in_channels, *spec.image_size)


@lru_cache(maxsize=8)
def _groups_of(backbone: str, num_classes: int, width: float, image: tuple[int, int, int]) -> ChannelGroups:
    from lcsearch.nets import backbones

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = backbones.build(backbone, num_classes=num_classes, in_channels=image[0], width=width)
    return find_groups(model, image)


def _groups(net: nn.Module, images: Tensor) -> ChannelGroups:
    import torch_pruning

    graph = torch_pruning.DependencyGraph()
    with views_followed_with_care():
        graph.build_dependency(net, images, output_transform=_answers, verbose=False)
    names: dict[Any, str] = {module: name for name, module in net.named_modules()}
    names |= {parameter: name for name, parameter in net.named_parameters()}
    order = {name: place for place, name in enumerate(names.values())}
    shared, found, whole = _shared(net), list[ChannelGroup](), list[Whole]()
    with unchanged(), with_an_end(len(graph.module2node)):
        all_joined = list(_joined(graph))
    for layer, joined in all_joined:
        if joined is None:
            whole.append(Whole(names[layer], NOT_FOLLOWED))
            continue
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


def _answers(answer: object) -> list[Tensor]:
    return [tensor for tensor in tensors_in(answer) if tensor.requires_grad]


def _joined(graph: Any) -> Iterator[tuple[nn.Module, Any]]:
    """Layers that make channels, and what is joined with their outputs; None where the graph gets lost."""
    seen = set()
    for layer in [node for node in graph.module2node if isinstance(node, MAKERS)]:
        if layer in seen:
            continue
        pruner = graph.get_pruner_of_module(layer)
        try:
            channels = list(range(pruner.get_out_channels(layer)))
            joined = graph.get_pruning_group(layer, pruner.prune_out_channels, channels)
        except Exception:  # Torch-Pruning's own, of many kinds
            yield layer, None
            continue
        outputs = [item for item in joined if graph.is_out_channel_pruning_fn(item.dep.handler)]
        seen |= {item.dep.target.module for item in outputs}
        yield layer, joined


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
    size, blocks, found, whole_makers = len(uses[0].places), 1, list[Cut](), []
    for use in uses:
        name = names[use.layer]
        own = _cuts(use, name, size, shared)
        if (parts := blocks_in(use.layer)) > 1:
            blocks = lcm(blocks, parts)
            if blocks == size or any((cut.offset, cut.repeat) != (0, 1) for cut in own):
                raise UncuttableError(f"{name!r} has {parts} groups")
        found += own
        if use.makes and len(use.places) == size:
            whole_makers.append(name)
    if size % blocks:  # a view of many channels as one, as in efficient channel attention
        raise UncuttableError(NOT_FOLLOWED)
    first = min(whole_makers, key=makers.index)
    return ChannelGroup(first, size, tuple(makers), tuple(dict.fromkeys(found)), blocks)


def _cuts(use: _Use, name: str, size: int, shared: set[str]) -> list[Cut]:
    """Where the channels of a group lie in one layer."""
    if isinstance(use.layer, nn.Parameter):
        where = [Lies(name, use.dim % use.layer.dim())]
    else:
        where = list(tensors(name, use.layer, use.outputs))
    found = []
    for tensor, dim, blocks in where:
        if tensor in shared:
            raise UncuttableError(f"{tensor!r} is shared")
        own = [replace(cut, blocks=blocks) for cut in cuts(tensor, dim, size, use.places, use.channels)]
        if any(cut.offset + cut.length(size) > _shape(use.layer, tensor)[dim] for cut in own):
            raise UncuttableError(NOT_FOLLOWED)
        found += own
    return found


def _shape(layer: Any, tensor: str) -> torch.Size:
    """The shape of a tensor of a layer, or of a loose parameter."""
    found: Tensor = layer if isinstance(layer, nn.Parameter) else getattr(layer, tensor.rpartition(".")[2])
    return found.shape


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

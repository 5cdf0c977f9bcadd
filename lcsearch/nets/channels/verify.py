"""Makes sure of groups of channels, by running the net.

Where each group is whole and nothing else reads its channels, they can change places, and the net answers the
same. A net that has a number of channels in its forward answers the same too, but does not run with fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from lcsearch.core.errors import one_line
from lcsearch.nets.channels.groups import ChannelGroup, ChannelGroups, Whole, count_at
from lcsearch.nets.channels.thin import thin
from lcsearch.nets.copying import copied, copied_to

_CLOSE = 1e-3
"""Of the largest answer: far above the rounding of float32, far below what a wrong channel changes."""


@torch.no_grad()
def verified(model: nn.Module, found: ChannelGroups, image: tuple[int, int, int]) -> ChannelGroups:
    """Keep the groups without which the net still runs, and that nothing outside of them reads.

    Args:
        model: The net, on any device, the meta device included; it is left as it is.
        found: Its groups.
        image: Channels, height and width of an image that it takes.

    Returns:
        The groups; those that fail are among what stays whole, with a few words about why.
    """
    if not found.groups:
        return found
    random = torch.Generator().manual_seed(0)
    net = copied_to(model, torch.device("cpu")).eval()
    _fill(net, random)
    images = torch.randn(2, *image, generator=random)
    with torch.random.fork_rng(devices=[]):
        expected = _answers(net, images)

        def why_not(groups: Iterable[ChannelGroup]) -> str | None:
            return _changes(net, groups, images, expected) or _fails(net, found, groups, images, expected)

        whole = _failing(found.groups, why_not)
    groups = tuple(group for group in found.groups if group.name not in whole)
    return ChannelGroups(groups, (*found.whole, *(Whole(name, why) for name, why in whole.items())))


def _failing(
    groups: tuple[ChannelGroup, ...], why_not: Callable[[Iterable[ChannelGroup]], str | None]
) -> dict[str, str]:
    """Which groups fail, and why: all at once, then, if something is wrong, each alone."""
    if why_not(groups) is None:
        return {}
    found = {group.name: why for group in groups if (why := why_not([group])) is not None}
    rest = tuple(group for group in groups if group.name not in found)
    together = why_not(rest) if rest else None
    return found | {group.name: together for group in rest if together is not None}


def _fill(net: nn.Module, random: torch.Generator) -> None:
    """Give every number of a net a value of its own, on a scale that passes through many layers."""
    for tensor in (*net.parameters(), *net.buffers()):
        if not tensor.is_floating_point():
            continue
        if tensor.dim() > 1:
            tensor.normal_(generator=random).mul_((2 / max(1, tensor[0].numel())) ** 0.5)
        else:
            tensor.uniform_(0.5, 1.5, generator=random)


def _answers(net: nn.Module, images: Tensor) -> list[Tensor]:
    """All tensors that a net answers."""
    answer = net(images.clone())
    parts = answer.values() if isinstance(answer, dict) else answer
    return [answer] if isinstance(answer, Tensor) else [part for part in parts if isinstance(part, Tensor)]


def _changes(
    net: nn.Module, groups: Iterable[ChannelGroup], images: Tensor, expected: list[Tensor]
) -> str | None:
    """Whether other answers come where the channels of groups change places."""
    twin = copied(net)
    tensors = dict(twin.named_parameters(remove_duplicate=False)) | dict(twin.named_buffers())
    for group in groups:
        moved = torch.arange(group.size).roll(1)
        for cut in group.cuts:
            there = torch.arange(cut.repeat)
            to = (cut.offset + torch.arange(group.size)[:, None] * cut.repeat + there).flatten()
            of = (cut.offset + moved[:, None] * cut.repeat + there).flatten()
            tensor = tensors[cut.tensor]
            tensor.index_copy_(cut.dim, to, tensor.index_select(cut.dim, of))
    same = all(
        torch.allclose(one, other, rtol=0, atol=_CLOSE * float(other.abs().max()))
        for one, other in zip(_answers(twin, images), expected, strict=True)
    )
    return None if same else "not all that reads them could be followed"


def _fails(
    net: nn.Module,
    found: ChannelGroups,
    groups: Iterable[ChannelGroup],
    images: Tensor,
    expected: list[Tensor],
) -> str | None:
    """Why a net does not run with half of the channels of groups."""
    twin = copied(net)
    try:
        thin(twin, found, {group.name: count_at(0.5, group.size) for group in groups})
        shapes = [answer.shape for answer in _answers(twin, images)]
    except Exception as error:  # what a net raises is theirs to choose
        return f"the net does not run with fewer of them ({one_line(error)})"
    if shapes != [answer.shape for answer in expected]:
        return "the net answers something else with fewer of them"
    return None

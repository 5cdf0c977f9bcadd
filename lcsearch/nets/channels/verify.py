"""Makes sure of groups of channels, by running the net.

Where each group is whole and nothing else reads its channels, they can change places, and the net answers the
same. A net that has a number of channels in its forward answers the same too, but does not run with fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from lcsearch.core.errors import one_line
from lcsearch.nets.channels.groups import ChannelGroup, ChannelGroups, Places, Whole, count_at
from lcsearch.nets.channels.places import NOT_FOLLOWED
from lcsearch.nets.channels.thin import thin
from lcsearch.nets.copying import copied, copied_to
from lcsearch.nets.scores import tensors_in

_WhyNot = Callable[[Sequence[ChannelGroup]], str | None]
"""Says why a net does not answer the same, or does not run, without channels of groups."""

_FACTORS = (1.0, 0.7, 0.5)
"""The largest number that multiplies a layer's outputs, smaller ones until the net is calm. With 1.5 the
sums of a deep net grow until gates that depend on them make 1e10 times its rounding (EfficientNet-B6)."""

_CLOSE = {torch.float64: 1e-6, torch.float32: 1e-3}
"""Of the largest answer: far above what rounding changes, far below what a wrong channel changes."""


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
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        net, images = _filled(model, image)
        expected = tensors_in(net(images.clone()))

        def why_not(groups: Sequence[ChannelGroup]) -> str | None:
            return _changes(net, groups, images, expected) or _fails(net, found, groups, images, expected)

        whole = _failing(found.groups, why_not)
    groups = tuple(group for group in found.groups if group.name not in whole)
    return ChannelGroups(groups, (*found.whole, *(Whole(name, why) for name, why in whole.items())))


def _failing(groups: Sequence[ChannelGroup], why_not: _WhyNot) -> dict[str, str]:
    """Which groups fail, and why: each alone, or in company of others that do not."""
    found = _failing_alone(groups, why_not)
    if found is None:
        return {}
    rest = [group for group in groups if group.name not in found]
    together = why_not(rest) if rest else None
    return found | {group.name: together for group in rest if together is not None}


def _failing_alone(groups: Sequence[ChannelGroup], why_not: _WhyNot) -> dict[str, str] | None:
    """Which groups fail alone: of those among which some do, half by half; None where none does."""
    why = why_not(groups)
    if why is None or len(groups) == 1:
        return None if why is None else {groups[0].name: why}
    middle = len(groups) // 2
    halves = (_failing_alone(half, why_not) for half in (groups[:middle], groups[middle:]))
    return {name: why for half in halves for name, why in (half or {}).items()}


def _filled(model: nn.Module, image: tuple[int, int, int]) -> tuple[nn.Module, Tensor]:
    """A copy with numbers, and images; in float64 if it runs so, since rounding grows from layer to layer."""
    random = torch.Generator().manual_seed(0)
    net = copied_to(model, torch.device("cpu")).eval()
    images = torch.randn(2, *image, generator=random)
    for most in _FACTORS:
        _fill(net.float(), most, random)
        net, given = _in_float64(net, images)
        if _is_calm(net, given):
            break
    return net, given


def _in_float64(net: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor]:
    try:
        net.double()(images.double())
    except Exception:  # what a net raises is theirs to choose
        return net.float(), images
    return net, images.double()


def _is_calm(net: nn.Module, images: Tensor) -> bool:
    """Whether answers change little where images do, so that they change little by rounding."""
    pairs = zip(tensors_in(net(images * (1 + 1e-9))), tensors_in(net(images.clone())), strict=True)
    return all(_close(one, other, 1e-5) for one, other in pairs)


def _close(one: Tensor, other: Tensor, share: float) -> bool:
    """Whether two answers differ by no more than a share of the largest."""
    return torch.allclose(one, other, rtol=0, atol=share * float(other.abs().max()))


def _fill(net: nn.Module, most: float, random: torch.Generator) -> None:
    """Give every number of a net a value of its own, on a scale that passes through many layers."""
    for tensor in (*net.parameters(), *net.buffers()):
        if not tensor.is_floating_point():
            continue
        if tensor.dim() > 1:
            tensor.normal_(generator=random).mul_((2 / max(1, tensor[0].numel())) ** 0.5)
        else:
            tensor.uniform_(0.4 * most, most, generator=random)


def _changes(
    net: nn.Module, groups: Iterable[ChannelGroup], images: Tensor, expected: list[Tensor]
) -> str | None:
    """Whether other answers come where the channels of groups change places."""
    with _moved_channels(net, groups):
        pairs = zip(tensors_in(net(images.clone())), expected, strict=True)
        same = all(_close(one, other, _CLOSE[images.dtype]) for one, other in pairs)
    return None if same else NOT_FOLLOWED


@contextmanager
def _moved_channels(net: nn.Module, groups: Iterable[ChannelGroup]) -> Iterator[None]:
    """The channels of groups are in other places for a while; a copy of the net would take longer."""
    tensors = dict(net.named_parameters(remove_duplicate=False)) | dict(net.named_buffers())
    before = {cut.tensor: tensors[cut.tensor].clone() for group in groups for cut in group.cuts}
    try:
        for number, group in enumerate(groups):
            for cut in group.cuts:
                to = cut.places(group.size, np.arange(group.size))
                of = cut.places(group.size, _moved(group, number))
                for block, into, out_of in zip(tensors[cut.tensor].chunk(cut.blocks), to, of, strict=True):
                    there, here = torch.from_numpy(into), torch.from_numpy(out_of)
                    block.index_copy_(cut.dim, there, block.index_select(cut.dim, here))
        yield
    finally:
        for name, value in before.items():
            tensors[name].copy_(value)


def _moved(group: ChannelGroup, number: int) -> Places:
    """Channels in another order, in each block: neighbours are apart, and the even ones are not all even.

    The order of one group is not that of the next, which would hide that something joins the two.
    """
    blocks = np.arange(group.size).reshape(group.blocks, -1)
    mixed = np.concatenate([blocks[:, ::2], blocks[:, 1::2]], axis=1)
    return np.roll(mixed, 1 + number % max(1, mixed.shape[1] - 1), axis=1).ravel()


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
        thin(twin, found, {group.name: count_at(0.5, group.size, group.blocks) for group in groups})
        shapes = [answer.shape for answer in tensors_in(twin(images.clone()))]
        twin.train()(images.clone())  # some nets have parts that only their training runs
    except Exception as error:  # what a net raises is theirs to choose
        return f"the net does not run with fewer of them ({one_line(error)})"
    if shapes != [answer.shape for answer in expected]:
        return "the net answers something else with fewer of them"
    return None

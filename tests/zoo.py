"""What must hold of the channels of any net, whoever wrote it."""

from __future__ import annotations

import copy
import runpy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from programs import SCRIPTS
from torch import nn

from lcsearch.nets.channels import ChannelGroups, find_groups, thin, verified
from lcsearch.nets.count import count

_NETS = runpy.run_path(str(SCRIPTS / "zoo_nets.py"))
TIMM: tuple[str, ...] = _NETS["TIMM"]
MOST_TO_RUN = 150_000_000
"""Parameters of a net above which it is counted alone."""


def smallest_image(net: nn.Module) -> int:
    """Height and width of the smallest usual images that a net on the meta device takes."""
    size: int | None = _NETS["smallest_image"](net)
    assert size is not None, "takes no images of the usual sizes"
    return size


def check_channels(make: Callable[[], nn.Module]) -> ChannelGroups:
    """Groups are found or refused in a line; with all channels a net is the same, with half it can train.

    Returns:
        The groups, those that stay among them.
    """
    with torch.device("meta"):
        size = smallest_image(net := make())
    image = (3, size, size)
    large = sum(parameter.numel() for parameter in net.parameters()) > MOST_TO_RUN
    groups = find_groups(net, image)
    groups = groups if large else verified(net, groups, image)
    assert groups.groups or groups.whole
    assert "\n" not in (groups.whole_words() or "")
    half = groups.kept({group.name: 0.5 for group in groups.groups})
    fewer = thin(copy.deepcopy(net), groups, half)
    counted = count(fewer, image)
    assert counted.params == sum(parameter.numel() for parameter in fewer.parameters())
    assert not groups.groups or counted.params < count(net, image).params
    if not large:
        torch.manual_seed(0)
        _check_numbers(make(), groups, half, image, counted.params)
    return groups


def _check_numbers(
    net: nn.Module, groups: ChannelGroups, half: dict[str, int], image: tuple[int, int, int], params: int
) -> None:
    images = torch.randn(2, *image)
    twin = thin(copy.deepcopy(net), groups, groups.kept({group.name: 1.0 for group in groups.groups}))
    with torch.no_grad():
        assert torch.equal(twin.eval()(images), net.eval()(images))
    del twin
    thin(net, groups, half, rescale=True)
    assert sum(parameter.numel() for parameter in net.parameters()) == params
    before = [parameter.detach().clone() for parameter in net.parameters()]
    scores = net.train()(images)
    F.cross_entropy(scores, torch.tensor([0, 1])).backward()
    torch.optim.SGD(net.parameters(), 0.1).step()
    assert scores.shape == (2, 10) and bool(scores.isfinite().all())
    assert any(not torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))

"""Torch-Pruning's private parts, and what is found without them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from channel_nets import Between, Concat, Shuffled
from torch import nn
from torch_pruning import DependencyGraph
from torch_pruning.dependency import index_mapping
from torch_pruning.dependency.group import Group

from lcsearch.nets.channels import find_groups, pruning_private, verified

IMAGE = (3, 8, 8)
PRIVATE = ("update_reshape_index_mapping", "update_index_mapping")


def test_theirs_are_back_after_a_net_was_followed() -> None:
    add, before = Group.add_dep, [getattr(index_mapping, name) for name in PRIVATE]
    find_groups(Concat(), IMAGE)
    find_groups(nn.Linear(3, 3), IMAGE)
    assert [getattr(index_mapping, name) for name in PRIVATE] == before and Group.add_dep is add


def test_a_shuffle_costs_only_the_channels_that_it_moves() -> None:
    class Unit(nn.Module):
        """As ShuffleNet's: one half goes by, the two are joined and shuffled."""

        def __init__(self) -> None:
            super().__init__()
            self.into, self.back = nn.Conv2d(4, 6, 1), nn.Conv2d(6, 4, 1)
            self.shuffled = Shuffled()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            by, through = x.chunk(2, 1)
            return self.shuffled(torch.cat([by, self.back(self.into(through).relu())], 1))  # type: ignore[no-any-return]

    net = Between(nn.Sequential(Unit(), Unit()))
    found = verified(net, find_groups(net, IMAGE), IMAGE)
    assert [group.name for group in found.groups] == ["between.0.into", "between.1.into", "two"]
    assert {one.name for one in found.whole} <= {"one", "between.0.back", "between.1.back"}


@pytest.mark.parametrize(
    ("before", "after", "followed"),
    [((2, 8, 3, 3), (2, 72), True), ((2, 8, 1, 1), (2, 8), True), ((2, 72), (2, 8, 3, 3), True),
     ((2, 3, 3, 8), (18, 8), False), ((18, 8), (2, 3, 3, 8), False), ((2, 1, 1, 8), (2, 8), False),
     ((2, 8, 3, 3), (2, 2, 4, 3, 3), False)],
)  # fmt: skip
def test_views_that_flatten_maps_are_followed_and_those_of_tokens_are_not(
    monkeypatch: pytest.MonkeyPatch, before: tuple[int, ...], after: tuple[int, ...], followed: bool
) -> None:
    """In Swin v2 those of tokens were taken for flattened maps: 32 channels for each, ever again."""
    seen: list[Any] = []
    monkeypatch.setattr(index_mapping, PRIVATE[0], lambda graph, node: seen.append(node))
    node = SimpleNamespace(grad_fn=torch.zeros(before, requires_grad=True).view(after).grad_fn)
    with pruning_private.views_followed_with_care():
        index_mapping.update_reshape_index_mapping(None, node)
    assert seen == ([node] if followed else [])


class PartlyAdded(nn.Module):
    """As ReXNet's: what came in is added to the first of more channels."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Conv2d(into, 6, 1), nn.Conv2d(6, out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made, size = self.outer(self.inner(x).relu()), x.shape[1]
        return torch.cat([made[:, :size] + x, made[:, size:]], 1)


def test_channels_that_are_found_without_end_are_given_up() -> None:
    blocks = [PartlyAdded(8 + 4 * place, 12 + 4 * place) for place in range(9)]
    net = nn.Sequential(nn.Conv2d(3, 8, 1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(44, 3))
    found = verified(net, find_groups(net, IMAGE), IMAGE)
    assert [group.name for group in found.groups] == [f"{place}.inner" for place in range(1, 10)]
    assert {f"{place}.outer" for place in range(3, 7)} <= {one.name for one in found.whole}


def test_a_version_without_them_finds_the_same_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = find_groups(Concat(), IMAGE)
    replaced = pruning_private._replaced
    monkeypatch.setattr(pruning_private, "_replaced", lambda name, by: replaced(f"{name}_moved", by))
    assert find_groups(Concat(), IMAGE) == expected


def test_a_graph_that_gets_lost_costs_only_what_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = DependencyGraph.get_pruning_group

    def lost(graph: DependencyGraph, layer: nn.Module, *others: Any) -> Any:
        if layer is not next(iter(graph.model.children())):
            return asked(graph, layer, *others)
        raise IndexError("list index out of range")

    monkeypatch.setattr(DependencyGraph, "get_pruning_group", lost)
    found = find_groups(Between(nn.ReLU()), IMAGE)
    assert [group.name for group in found.groups] == ["two"]
    assert found.whole == (("one", "not all that reads them could be followed"),)

"""Which channels of a trained net are needed: nets in which that is plain to see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.thinned import Thinner, thin_trained
from lcsearch.nets.channels import ChannelGroups, find_groups


class Two(nn.Module):
    """Two convolutions and a linear layer, whose first part reads channels as it is told to."""

    def __init__(self, bias: bool = True, norm: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 8, 1), nn.Conv2d(8, 6, 3, padding=1, bias=bias)
        self.norm = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.second(self.first(x).relu())).relu().mean((2, 3)))  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def images(count: int = 60) -> Tensor:
    return torch.randn(count, 2, 6, 6, generator=torch.Generator().manual_seed(1))


def groups_in(net: nn.Module) -> ChannelGroups:
    return find_groups(net.eval(), (2, 6, 6))


@pytest.mark.parametrize(("bias", "norm", "needed"), [(True, False, 0), (False, True, 0), (False, False, 1)])
def test_a_channel_that_is_always_the_same_is_needed_where_nothing_takes_up_its_mean(
    bias: bool, norm: bool, needed: int
) -> None:
    net = Two(bias, norm)
    with torch.no_grad():
        net.first.weight[3], net.first.bias[3] = 0, 9  # type: ignore[index]
    assert Thinner(net, groups_in(net), images()).chosen("first", 4).count(3) == needed


def test_outputs_that_the_answer_does_not_depend_on_need_nothing() -> None:
    """What they read they read with larger weights than the others."""
    net = Two()
    with torch.no_grad():
        net.head.weight[:, :3] = 0
        net.second.weight[:3] *= 3
        net.second.weight[:3, 4:] = net.second.weight[3:, :4] = 0
    assert set(Thinner(net, groups_in(net), images()).chosen("first", 2)) <= {4, 5, 6, 7}


class Shortcut(nn.Module):
    """Two convolutions read the same channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.one, self.two = nn.Conv2d(2, 8, 1), nn.Conv2d(8, 6, 1), nn.Conv2d(8, 6, 1)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        return self.head(torch.cat([self.one(x), self.two(x)], 1).relu().mean((2, 3)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("strong", ["one", "two"])
def test_needs_of_all_that_read_are_summed_up(strong: str) -> None:
    net = Shortcut()
    with torch.no_grad():
        net.one.weight[:, 4:] = net.two.weight[:, :4] = 0
        net.get_submodule(strong).weight *= 30  # type: ignore[misc, operator]
    chosen = Thinner(net, groups_in(net), images()).chosen("first", 2)
    assert set(chosen) <= ({0, 1, 2, 3} if strong == "one" else {4, 5, 6, 7})


@torch.no_grad()
def test_batch_norm_behind_what_is_solved_gets_its_statistics() -> None:
    net = Two(norm=True)
    made = thin_trained(net, groups_in(net), {"first": 3}, images())
    assert isinstance(made, Two) and isinstance(made.norm, nn.BatchNorm2d)
    given = made.second(made.first(images()).relu())
    assert torch.allclose(made.norm.running_mean, given.mean((0, 2, 3)), atol=1e-5)  # type: ignore[arg-type]
    assert torch.allclose(made.norm.running_var, given.transpose(0, 1).flatten(1).var(1), rtol=1e-4)  # type: ignore[arg-type]
    assert made.norm.momentum == 0.1 and made.norm.num_batches_tracked == 0


def test_no_more_images_than_may_go_through_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "MOST_PIXELS", 36 * 20)
    net = Two()
    one, other = (thin_trained(net, groups_in(net), {"first": 3}, images()[:count]) for count in (60, 20))
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


class Crops(Two):
    """Shows its second layer less of the map once it is thinner."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.first.out_channels == 8 else x[:, :, 1:])


def test_a_layer_that_is_given_another_map_only_loses_channels() -> None:
    net = Crops()
    groups = groups_in(net)
    stay = Thinner(net, groups, images()).chosen("first", 3)
    made = thin_trained(net, groups, {"first": 3}, images())
    assert torch.equal(made.state_dict()["second.weight"], net.second.weight[:, stay])

"""A model in which one convolution is played, against the same net composed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress.one_layer import Stage


class Net(nn.Module):
    """Calls its convolutions in another order than it has them, one twice, one never; changes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(4, 2, 3, padding=1)
        self.twice = nn.Conv2d(4, 4, 1)
        self.first = nn.Conv2d(1, 4, 3, stride=2)
        self.never = nn.Conv2d(1, 1, 1)
        self.seen: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        x = self.first(images).add_(1.0).relu_()
        x = self.twice(self.twice(x).mul_(2.0))
        return self.last(x).add_(0.5)  # type: ignore[no-any-return]


def by_hand(net: Net, first: Tensor) -> Tensor:
    """What the net says if its first convolution says this."""
    x = net.twice(net.twice((first + 1.0).relu()) * 2.0)
    return net.last(x) + 0.5  # type: ignore[no-any-return]


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net().eval().requires_grad_(False)


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(5, 1, 7, 5)


def test_order_calls_and_work_are_learned(net: Net, images: Tensor) -> None:
    with Stage(net) as stage:
        stage.learn(images)
        assert [stage.plays(conv) for conv in (net.first, net.twice, net.last, net.never)] == [
            True, False, True, False,
        ]  # fmt: skip
        # Maps of 3x2 places; filters of 9 numbers, of 4 that are seen twice, and of 36.
        first, twice, last = 4 * 6 * 9, 2 * 4 * 6 * 4, 2 * 6 * 36
        assert stage.work_from(net.first) == first + twice + last
        assert stage.work_from(net.twice) == twice + last
        assert stage.work_from(net.last) == last
    assert net.seen == [2], "two images tell it"


def test_one_is_played_and_all_before_say_what_they_said(net: Net, images: Tensor) -> None:
    with Stage(net) as stage:
        stage.learn(images)
        plain = stage.plain(images)
        first = nn.functional.conv2d(images, net.first.weight, net.first.bias, 2)
        assert torch.allclose(plain, by_hand(net, first)) and torch.equal(stage.plain(images), plain)
        got: list[Tensor] = []

        def play(x: Tensor) -> Tensor:
            got.append(x.clone())
            return x[:, :2] * 3.0

        for _ in range(2):
            played = stage.played({net.last: play}, images)
        assert torch.equal(got[0], got[1]) and torch.equal(played, got[0][:, :2] * 3.0 + 0.5)
        assert torch.allclose(nn.Conv2d.forward(net.last, got[0]) + 0.5, plain)
        assert torch.allclose(stage.played({net.first: lambda x: 2 * first}, images), by_hand(net, 2 * first))
        assert torch.equal(stage.plain(images), plain), "nothing is played any more"


def test_only_what_comes_later_or_is_called_twice_is_computed_again(net: Net, images: Tensor) -> None:
    with Stage(net) as stage:
        stage.learn(images)
        plain = stage.plain(images)
        kept = net.first.weight.clone()
        net.first.weight.zero_()
        again = stage.played({net.last: lambda x: nn.Conv2d.forward(net.last, x)}, images)
        assert torch.allclose(again, plain), "of the first it keeps what it said"
        net.first.weight.copy_(kept)
        net.twice.weight.mul_(2.0)
        net.last.weight.mul_(3.0)
        first = nn.functional.conv2d(images, kept, net.first.bias, 2)
        assert torch.allclose(stage.played({net.first: lambda x: first.clone()}, images), by_hand(net, first))
        changed = stage.played({net.last: lambda x: nn.Conv2d.forward(net.last, x)}, images)
        assert torch.allclose(changed, by_hand(net, first))


def test_those_of_one_weight_are_played_together() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(4))).eval().requires_grad_(False)
    net[3].weight = net[1].weight
    images = torch.randn(2, 3, 4, 4)
    with Stage(net) as stage:
        stage.learn(images)
        assert stage.plays(net[1]) and stage.plays(net[3])
        assert stage.work_from(net[3], net[1]) == 3 * stage.work_from(net[3])
        stage.plain(images)
        net[0].weight.zero_()  # of what comes before both it keeps what was said
        before = stage.played({net[1]: lambda x: x, net[3]: lambda x: 2 * x}, images)
        assert torch.allclose(before, 2 * net[2](stage._kept[net[0]]))


def test_each_run_as_it_is_forgets_the_last(net: Net, images: Tensor) -> None:
    with Stage(net) as stage:
        stage.learn(images)
        stage.plain(images)
        assert len(stage.plain(images[:3])) == 3
        assert len(stage.played({net.last: lambda x: x}, images[:3])) == 3


def test_a_look_shows_what_each_gets_and_says(net: Net, images: Tensor) -> None:
    shown: list[tuple[nn.Conv2d, Tensor, Tensor]] = []
    with Stage(net) as stage:
        stage.look(lambda conv, x, output: shown.append((conv, x, output.clone())), images)
        assert [conv for conv, _, _ in shown] == [net.first, net.twice, net.twice, net.last]
        assert torch.equal(shown[0][1], images)
        first = nn.functional.conv2d(images, net.first.weight, net.first.bias, 2)
        assert torch.allclose(shown[0][2], first)
        assert torch.allclose(shown[3][2] + 0.5, by_hand(net, first))
        net(images)
    assert len(shown) == 4


def test_a_failing_play_is_over(net: Net, images: Tensor) -> None:
    def fail(x: Tensor) -> Tensor:
        raise KeyError

    plain = net(images)
    with Stage(net) as stage:
        stage.learn(images)
        stage.plain(images)
        with pytest.raises(KeyError):
            stage.played({net.first: fail}, images)
        assert torch.equal(stage.plain(images), plain)
        with pytest.raises(KeyError):
            stage.look(lambda conv, x, output: fail(x), images)
        assert torch.equal(net(images), plain)


def test_the_net_is_its_own_again_afterwards(net: Net) -> None:
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    with pytest.raises(KeyError), Stage(net):
        assert all("forward" in vars(conv) for conv in convs)
        raise KeyError
    assert not any("forward" in vars(conv) for conv in convs)

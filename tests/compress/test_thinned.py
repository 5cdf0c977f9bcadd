"""Thinner nets cut out of nets in which some channels say what others say, and what must not change."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.thinned import Thinned, Thinner, images_for, thin_trained
from lcsearch.core.errors import InputError
from lcsearch.nets.channels import ChannelGroups, find_groups

HOWS: tuple[Thinned, ...] = ("solved", "magnitude", "magnitude_solved")


class Chain(nn.Sequential):
    """Two convolutions, batch norm and pooling, and a linear layer behind a flattened map."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
            nn.Linear(48, 5),
        )  # fmt: skip


class Residual(nn.Module):
    """Two blocks with shortcuts, the second with a convolution in its shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.one, self.two = nn.Conv2d(8, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.three, self.short = nn.Conv2d(8, 10, 3, padding=1), nn.Conv2d(8, 10, 1)
        self.head = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x)).relu()
        x = (x + self.two(self.one(x).relu())).relu()
        x = (self.three(x) + self.short(x)).relu()
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]


class Concat(nn.Module):
    """Two branches side by side, one with a depthwise convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(2, 8, 1)
        self.each = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.mix, self.head = nn.Conv2d(14, 10, 1), nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.left(x), self.each(self.right(x).relu())], 1).relu()
        return self.head(self.mix(x).relu().mean((2, 3)))  # type: ignore[no-any-return]


class Grouped(nn.Module):
    """A convolution of four groups between two plain ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 16, 1), nn.Conv2d(16, 24, 3, padding=1, groups=4)
        self.third, self.head = nn.Conv2d(24, 12, 1), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x).relu()).relu()
        return self.head(self.third(x).relu().mean((2, 3)))  # type: ignore[no-any-return]


NETS = (Chain, Residual, Concat, Grouped)


def images(count: int = 128) -> Tensor:
    return torch.randn(count, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def made(kind: Callable[[], nn.Module], seed: int = 0) -> tuple[nn.Module, ChannelGroups]:
    torch.manual_seed(seed)
    net = kind().eval()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    return net, find_groups(net, (2, 8, 8))


@torch.no_grad()
def doubled(net: nn.Module, groups: ChannelGroups) -> None:
    """Make the last half of channels what the first half is, block by block; readers still differ."""
    state = net.state_dict()
    for group in groups.groups:
        for cut in group.cuts:
            if cut.dim == 0:
                rows = state[cut.tensor][cut.offset : cut.offset + group.size]
                for block in rows.chunk(group.blocks):
                    block[len(block) // 2 :] = block[: len(block) // 2]


def halves(groups: ChannelGroups) -> dict[str, int]:
    return {group.name: group.size // 2 for group in groups.groups}


def off(model: nn.Module, net: nn.Module, given: Tensor) -> float:
    """How far the answers of a model are from a net's, against how much those vary."""
    with torch.no_grad():
        wanted, found = net(given), model.eval()(given)
    return float((found - wanted).norm() / (wanted - wanted.mean(0)).norm())


@pytest.mark.parametrize("kind", NETS)
def test_channels_that_others_tell_of_are_no_loss(kind: Callable[[], nn.Module]) -> None:
    """Sliced alone the net is another. Its batch norm has the statistics of the images from the start."""
    net, groups = made(kind)
    doubled(net, groups)
    assert len(groups.groups) >= 2 and not groups.whole
    reestimate(net, images())
    thinned = thin_trained(net, groups, halves(groups), images())
    assert off(thinned, net, images()) < 0.05
    assert off(thin_trained(net, groups, halves(groups), images(), how="magnitude"), net, images()) > 0.2
    sizes = [parameter.numel() for parameter in thinned.parameters()]
    assert sum(sizes) < 0.6 * sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("kind", NETS)
def test_where_all_stay_nothing_changes(kind: Callable[[], nn.Module], how: Thinned) -> None:
    net, groups = made(kind)
    same = thin_trained(net, groups, {group.name: group.size for group in groups.groups}, images(), how=how)
    assert same is not net
    assert all(map(torch.equal, same.state_dict().values(), net.state_dict().values()))


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("kind", NETS)
def test_the_net_and_random_numbers_are_left_and_a_second_time_is_the_same(
    kind: Callable[[], nn.Module], how: Thinned
) -> None:
    net, groups = made(kind)
    net.train()
    before, drawn, given = copy.deepcopy(net.state_dict()), torch.get_rng_state(), images()
    one, other = (thin_trained(net, groups, halves(groups), given, how=how) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), drawn) and torch.equal(given, images())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))
    for module in [*net.modules(), *one.modules()]:
        assert module.training and not module._forward_hooks and not module._forward_pre_hooks
    assert all(parameter.requires_grad for parameter in (*net.parameters(), *one.parameters()))


def test_solving_is_better_than_slicing_and_the_choice_than_magnitude() -> None:
    lost = dict.fromkeys(HOWS, 0.0)
    for seed in range(5):
        net, groups = made(Residual, seed)
        for how in HOWS:
            lost[how] += off(thin_trained(net, groups, halves(groups), images(512), how=how), net, images(64))
    assert lost["solved"] < lost["magnitude_solved"] < lost["magnitude"]


def test_magnitude_keeps_what_has_the_largest_weights() -> None:
    net, groups = made(Chain)
    with torch.no_grad():
        net[0].weight[[1, 4]] *= 30  # type: ignore[index, union-attr]
        net[8].weight.view(5, 12, 4)[:, 7] *= 100  # type: ignore[index, union-attr, operator]
    thinner = Thinner(net, groups, images())
    assert thinner.chosen("0", 2, how="magnitude") == thinner.chosen("0", 2, how="magnitude_solved") == [1, 4]
    assert thinner.chosen("4", 1, how="magnitude") == [7]


def test_what_the_answer_depends_on_decides() -> None:
    """The same weights everywhere; a head that does not look at what some channels go to."""
    net, groups = made(Residual)
    with torch.no_grad():
        net.head.weight[:, 3:] = 0  # type: ignore[index, union-attr]
    assert Thinner(net, groups, images()).chosen("three", 3) == [0, 1, 2]


def test_fewer_are_among_more() -> None:
    net, groups = made(Concat)
    thinner = Thinner(net, groups, images())
    few, more = thinner.chosen("right", 3), thinner.chosen("right", 6)
    assert set(few) < set(more) and sorted(few) == few == Thinner(net, groups, images()).chosen("right", 3)


def test_one_thinner_serves_many() -> None:
    net, groups = made(Chain)
    thinner = Thinner(net, groups, images())
    thinner.thin({"0": 2})
    one, other = thinner.thin({"4": 5}), thin_trained(net, groups, {"4": 5}, images())
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))
    assert torch.equal(one.state_dict()["0.weight"], net.state_dict()["0.weight"])


def test_two_images_are_enough() -> None:
    net, groups = made(Residual)
    answer = thin_trained(net, groups, halves(groups), images(2))(images(2))
    assert answer.shape == (2, 5) and bool(answer.isfinite().all())


class Twice(nn.Module):
    """Calls one layer twice, which so cannot be solved for either."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again, self.head = nn.Conv2d(2, 6, 3), nn.Conv2d(6, 6, 1), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.again(self.first(x)).relu()).relu()
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]


def test_a_layer_that_is_called_twice_only_loses_channels() -> None:
    net, groups = made(Twice)
    name = groups.groups[0].name
    thinner = Thinner(net, groups, images())
    stay = thinner.chosen(name, 3)
    made_ = thinner.thin({name: 3}).state_dict()
    assert torch.equal(made_["again.weight"], net.again.weight[stay][:, stay])  # type: ignore[index, union-attr]


def test_images_of_no_numbers_leave_the_weights() -> None:
    net, groups = made(Chain)
    given = images()
    given[3] = float("nan")
    one = thin_trained(net, groups, halves(groups), given)
    other = thin_trained(net, groups, halves(groups), images(), how="magnitude")
    assert torch.equal(one.state_dict()["8.weight"], other.state_dict()["8.weight"])


def test_what_cannot_be_kept_is_refused() -> None:
    net, groups = made(Chain)
    for count in (0, 9):
        with pytest.raises(ValueError, match=rf"keep\['0'\]: {count} is not allowed; it must be in 1 to 8"):
            thin_trained(net, groups, {"0": count}, images())
    with pytest.raises(InputError, match="channels"):
        thin_trained(net, groups, {"5": 1}, images())


def test_weights_that_are_no_numbers_are_named() -> None:
    net, groups = made(Chain)
    with torch.no_grad():
        net[4].weight[1, 2] = float("nan")  # type: ignore[index, union-attr]
    with pytest.raises(InputError, match=r"channels: the trained weights hold NaN or infinity: 4\.weight"):
        thin_trained(net, groups, halves(groups), images())


def test_large_images_are_fewer() -> None:
    assert [images_for(side, side) for side in (8, 32, 40, 64, 224)] == [512, 512, 327, 256, 256]

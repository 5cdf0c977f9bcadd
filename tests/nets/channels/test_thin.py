"""A net without some of its channels answers as the net in which they are made zero by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from channel_nets import (
    Attention,
    Between,
    Chain,
    Concat,
    Depthwise,
    OverChannels,
    Residual,
    filled,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.nets.channels import ChannelGroups, count_at, find_groups, thin

pytestmark = pytest.mark.slow

IMAGE = (3, 8, 8)
# The net, a group of it, the channels that stay, and where the first lies in outputs of which modules.
ZEROED: dict[str, tuple[nn.Module, str, list[int], dict[str, int]]] = {
    "before a batch norm": (Chain(), "one", [0, 3, 4], {"one": 0, "norm": 0}),
    "before a flattening": (Chain(), "two", [5], {"two": 0}),
    "added": (Residual(), "into", [1, 2, 7], {"into": 0, "back": 0}),
    "between": (Residual(), "inner", [0, 4], {"inner": 0}),
    "first of two": (Concat(), "left", [3], {"norm": 0}),
    "second of two": (Concat(), "right", [0, 2, 5], {"norm": 4}),
    "depthwise": (Depthwise(), "into", [6, 7], {"into": 0, "depthwise": 0}),
    "attention": (Attention(), "conv", [0, 2, 4, 6], {"conv": 0, "excite": 0}),
    "squeezed": (Attention(), "squeeze", [1], {"squeeze": 0}),
    "PReLU": (Between(nn.PReLU(8)), "one", [2, 3], {"one": 0}),
    "transposed, its inputs": (Between(nn.ConvTranspose2d(8, 8, 2)), "one", [2, 3], {"one": 0}),
    "transposed, its outputs": (Between(nn.ConvTranspose2d(8, 8, 2)), "between", [0, 3], {"between": 0}),
    "transposed, each alone": (
        Between(nn.ConvTranspose2d(8, 8, 2, groups=8)), "one", [0, 3], {"one": 0, "between": 0},
    ),
    "grouped, its inputs": (Between(nn.Conv2d(8, 8, 1, groups=2)), "one", [0, 2, 5, 6], {"one": 0}),
    "grouped, its outputs": (
        Between(nn.Conv2d(8, 12, 1, groups=4), read=12), "between", [0, 4, 6, 11], {"between": 0},
    ),
}  # fmt: skip


def zeroing(offset: int, size: int, stay: list[int]) -> Any:
    """A hook that makes the channels of a group that go zero, where the first lies at an offset."""

    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[:, [offset + c for c in range(size) if c not in stay]] = 0
        return output

    return hook


@pytest.mark.parametrize("name", ZEROED)
def test_equals_the_net_with_those_channels_zero(name: str) -> None:
    net, group, stay, modules = ZEROED[name]
    net, groups = filled(copy.deepcopy(net)), find_groups(net, IMAGE)
    images = torch.randn(4, *IMAGE)
    thinner = thin(copy.deepcopy(net), groups, {group: stay})
    for module, offset in modules.items():
        net.get_submodule(module).register_forward_hook(zeroing(offset, groups[group].size, stay))
    torch.testing.assert_close(thinner(images), net(images))


@pytest.mark.parametrize(
    ("net", "rebuilt"),
    [
        (Between(OverChannels(8)), Between(OverChannels(4), made=4, read=4)),
        (Between(nn.GroupNorm(2, 8)), Between(nn.GroupNorm(2, 4), made=4, read=4)),
        (Between(nn.GroupNorm(8, 8)), Between(nn.GroupNorm(4, 4), made=4, read=4)),
        (Between(nn.PReLU(8)), Between(nn.PReLU(4), made=4, read=4)),
        (Between(nn.BatchNorm2d(8, affine=False)), Between(nn.BatchNorm2d(4, affine=False), made=4, read=4)),
        (Between(nn.InstanceNorm2d(8, affine=True)), Between(nn.InstanceNorm2d(4, affine=True), 4, 4)),
        (Between(nn.Conv2d(8, 8, 1, groups=2)), Between(nn.Conv2d(4, 8, 1, groups=2), made=4)),
        (Between(nn.Conv2d(8, 8, 1, groups=8)), Between(nn.Conv2d(4, 4, 1, groups=4), made=4, read=4)),
        (Between(nn.ConvTranspose2d(8, 8, 2)), Between(nn.ConvTranspose2d(4, 8, 2), made=4)),
    ],
)
def test_is_the_net_that_would_be_written_with_fewer_channels(net: nn.Module, rebuilt: nn.Module) -> None:
    thinner = thin(filled(copy.deepcopy(net)), find_groups(net, IMAGE), {"one": 4})
    assert repr(thinner) == repr(rebuilt), "standard layers, whose numbers are those of their tensors"
    rebuilt.load_state_dict(thinner.state_dict())
    images = torch.randn(2, *IMAGE)
    assert torch.equal(thinner(images), rebuilt.eval()(images))


NETS = [Chain(), Residual(), Concat(), Depthwise(), Attention(), Between(OverChannels(8))]
NETS += [Between(nn.Conv2d(16, 24, 1, groups=4), made=16, read=24), Between(nn.GroupNorm(2, 8))]


@pytest.mark.parametrize("net", NETS)
def test_the_groups_found_anew_are_those_worked_out(net: nn.Module) -> None:
    groups = find_groups(net, IMAGE)
    kept = {group.name: count_at(0.5, group.size, group.blocks) for group in groups.groups}
    again = find_groups(thin(copy.deepcopy(net), groups, kept), IMAGE)
    worked_out = groups.thinned(kept)
    assert [as_sets(group) for group in again.groups] == [as_sets(group) for group in worked_out.groups]


@pytest.mark.parametrize("net", NETS)
def test_without_numbers_the_shapes_are_the_same(net: nn.Module) -> None:
    groups = find_groups(net, IMAGE)
    kept = {group.name: count_at(0.5, group.size, group.blocks) for group in groups.groups}
    made, shapes = thin(copy.deepcopy(net), groups, kept), thin(copy.deepcopy(net).to("meta"), groups, kept)
    expected = {name: tensor.shape for name, tensor in made.state_dict().items()}
    assert {name: tensor.shape for name, tensor in shapes.state_dict().items()} == expected
    assert {tensor.device.type for tensor in shapes.state_dict().values()} == {"meta"}


def as_sets(group: Any) -> tuple[Any, ...]:
    return group.name, group.size, group.makers, set(group.cuts), group.blocks


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(NETS), st.data())
def test_any_channels_may_go_one_group_after_the_other(net: nn.Module, data: st.DataObject) -> None:
    groups = find_groups(net, IMAGE)
    stay = {group.name: drawn(data, group.size // group.blocks, group.blocks) for group in groups.groups}
    net = filled(copy.deepcopy(net))
    at_once = thin(copy.deepcopy(net), groups, stay)
    left = groups
    for name, channels in data.draw(st.permutations(sorted(stay.items()))):
        thin(net, left, {name: channels})
        left = left.thinned({name: len(channels)})
    assert sizes(net, left) == {name: len(channels) for name, channels in stay.items()}
    images = torch.randn(2, *IMAGE)
    torch.testing.assert_close(net(images), at_once(images))


def drawn(data: st.DataObject, each: int, blocks: int) -> list[int]:
    """Numbers of channels that stay, equally many of each block."""
    count = data.draw(st.integers(1, each))
    picks = st.permutations(range(each)).map(lambda order: sorted(order[:count]))
    return [block * each + channel for block in range(blocks) for channel in data.draw(picks)]


def sizes(net: nn.Module, groups: ChannelGroups) -> dict[str, int]:
    """The lengths of the tensors that lie in each group's first cut."""
    tensors = net.state_dict()
    return {group.name: tensors[group.name + ".weight"].shape[0] for group in groups.groups}


def test_the_first_channels_stay_where_only_a_number_is_given() -> None:
    net, groups = filled(Chain()), find_groups(Chain(), IMAGE)
    thinner = thin(copy.deepcopy(net), groups, {"one": 3})
    assert torch.equal(thinner.one.weight, net.one.weight[:3])  # type: ignore[union-attr, index]
    assert torch.equal(thinner.two.weight, net.two.weight[:, :3])  # type: ignore[union-attr, index]
    assert thinner.norm.running_var.shape == (3,)  # type: ignore[union-attr]


def test_parameters_stay_parameters_that_learn_or_not_and_keep_their_layout() -> None:
    net = Chain().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    net.two.weight.requires_grad_(False)
    thin(net, find_groups(net, IMAGE), {"one": 3})
    assert isinstance(net.two.weight, nn.Parameter) and not net.two.weight.requires_grad
    assert isinstance(net.one.weight, nn.Parameter) and net.one.weight.requires_grad
    assert net.two.weight.is_contiguous(memory_format=torch.channels_last)


def test_fresh_weights_answer_as_strongly_with_fewer_inputs() -> None:
    net = Chain()
    thinner = thin(copy.deepcopy(net), find_groups(net, IMAGE), {"one": 2, "two": 3}, rescale=True)
    torch.testing.assert_close(thinner.one.weight, net.one.weight[:2]), "reads the image, as before"
    torch.testing.assert_close(thinner.two.weight, net.two.weight[:3, :2] * 2)  # type: ignore[union-attr]
    torch.testing.assert_close(thinner.head.weight, net.head.weight[:, :12] * 2**0.5)  # type: ignore[union-attr]
    assert torch.equal(thinner.two.bias, net.two.bias[:3])  # type: ignore[union-attr]


def test_an_unknown_group_changes_nothing() -> None:
    net = Chain()
    with pytest.raises(InputError, match="no group of channels 'tow'; did you mean 'two'"):
        thin(net, find_groups(net, IMAGE), {"one": 2, "tow": 3})
    assert net.one.out_channels == 8


@pytest.mark.parametrize("stay", [3, [0, 1, 2], [0, 4, 5, 6]])
def test_equally_many_of_each_block_stay(stay: int | list[int]) -> None:
    net = Between(nn.Conv2d(8, 8, 1, groups=2))
    with pytest.raises(ValueError, match="blocks"):
        thin(net, find_groups(net, IMAGE), {"one": stay})
    assert net.one.out_channels == 8

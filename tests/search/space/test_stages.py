"""Which convolutions have outputs of one size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.search.space.stages import stages


class Net(nn.Module):
    """Halves an image, then again, and comes back to the first size at the end."""

    def __init__(self, channels: int = 3, least: int = 0) -> None:
        super().__init__()
        self.least = least
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.down = nn.Conv2d(4, 8, 3, 2, 1)
        self.same = nn.Conv2d(8, 8, (1, 1))
        self.wide = nn.Conv2d(8, 6, 1, (2, 1))
        self.up = nn.Upsample(scale_factor=(4, 2))
        self.last = nn.Conv2d(6, 6, 1)
        self.norm = nn.BatchNorm2d(6)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] < self.least or x.shape[-2] < self.least:
            raise ValueError("too small")
        return self.norm(self.last(self.up(self.wide(self.same(self.down(self.first(x)))))))


NAMES = ["first", "down", "same", "wide", "last"]
FOUND = {"first": "stage1", "down": "stage2", "same": "stage2", "wide": "stage3", "last": "stage1"}


@pytest.mark.parametrize(("channels", "least"), [(3, 0), (1, 0), (4, 0), (3, 64), (3, 224)])
def test_stages_are_numbered_as_they_come(channels: int, least: int) -> None:
    """Height and width count: ``wide`` halves the height alone."""
    found = stages(Net(channels, least), NAMES)
    assert found == FOUND
    assert list(found) == NAMES


def test_an_odd_size_does_not_come_back_doubled() -> None:
    """299 becomes 150, and then 300."""
    assert stages(Net(least=299), NAMES) == FOUND | {"last": "stage4"}


def test_only_the_named_layers_are_looked_at() -> None:
    assert stages(Net(), ["down", "last"]) == {"down": "stage1", "last": "stage2"}


def test_a_net_that_wants_larger_images_has_runs_of_equal_channels() -> None:
    """4, then 8 twice, then 6 twice."""
    assert stages(Net(least=300), NAMES) == {
        "first": "stage1", "down": "stage2", "same": "stage2", "wide": "stage3", "last": "stage3",
    }  # fmt: skip
    assert stages(Net(least=300), ["first", "same", "last"]) == {
        "first": "stage1", "same": "stage2", "last": "stage3",
    }  # fmt: skip


def test_channels_that_come_again_are_another_run() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 5, 1), nn.Conv2d(7, 4, 1))
    assert stages(net, ["0", "1", "2"]) == {"0": "stage1", "1": "stage2", "2": "stage3"}


def test_what_fails_behind_the_last_convolution_does_not_matter() -> None:
    class Failing(Net):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise RuntimeError("not today")

    assert stages(Failing(), NAMES) == FOUND


def test_a_layer_that_an_image_does_not_pass_has_no_size() -> None:
    class Skipping(Net):
        def forward(self, x: Tensor) -> Tensor:
            return self.same(self.down(self.first(x)))

    assert stages(Skipping(), NAMES)["last"] == stages(Skipping(), NAMES)["wide"] == "stage3"


def test_the_net_is_left_as_it_is() -> None:
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    stages(net, NAMES)
    assert net.training
    assert all(not module._forward_hooks for module in net.modules())
    after = net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_net_that_cannot_learn_from_two_small_images() -> None:
    """In training its batch norm would want more than one number a channel."""

    class Pooled(Net):
        def forward(self, x: Tensor) -> Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            assert x.is_meta and self.last.weight.is_meta
            return super().forward(x)

    assert stages(Pooled(), NAMES) == FOUND

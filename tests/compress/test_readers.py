"""What layers read and answer at sampled places, against the layers themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.readers import readers, rows, see
from lcsearch.nets.channels import find_groups


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": (3, 2), "stride": (2, 1), "padding": (0, 1)},
        {"kernel_size": (2, 3), "dilation": (1, 2), "stride": 2},
        {"kernel_size": (3, 5), "padding": "same", "bias": False},
        {"kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect"},
        {"kernel_size": 3, "padding": 2, "padding_mode": "circular", "dilation": 2},
        {"kernel_size": 5, "padding": 2, "padding_mode": "replicate", "stride": 3},
    ],
)
@torch.no_grad()
def test_rows_times_weights_are_the_answer(arguments: dict[str, Any]) -> None:
    conv, x = nn.Conv2d(3, 5, **arguments), torch.randn(4, 3, 11, 9)
    answer = conv(x)
    places = responses.draw_places(answer.shape, answer.device, 7)
    found = rows(conv, x, places) @ conv.weight.flatten(1).T
    found = found if conv.bias is None else found + conv.bias
    assert torch.allclose(found, responses.sample(answer, places), atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 4), (6, 3, 4), (6, 2, 5, 4)])
@torch.no_grad()
def test_rows_of_linear_layers_too(shape: tuple[int, ...]) -> None:
    linear, x = nn.Linear(4, 7), torch.randn(shape)
    x_map, answer = (responses.as_map(linear, value) for value in (x, linear(x)))
    assert x_map is not None and answer is not None
    places = responses.draw_places(answer.shape, answer.device, 3)
    found = rows(linear, x_map, places) @ linear.weight.T + linear.bias
    assert torch.allclose(found, responses.sample(answer, places), atol=1e-5)


def test_what_is_no_map_is_none() -> None:
    assert responses.as_map(nn.Linear(4, 2), torch.zeros(4)) is None
    assert responses.as_map(nn.Conv2d(1, 1, 1), torch.zeros(1, 2, 2)) is None


class Net(nn.Module):
    """Two branches put side by side, behind them all kinds of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 4, 3, bias=False), nn.Conv2d(2, 6, 3)
        self.mix, self.norm = nn.Conv2d(10, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.each, self.last = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 6, 1, bias=False)
        self.head = nn.Linear(6 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.mix(torch.cat([self.left(x), self.right(x)], 1)))
        x = nn.functional.adaptive_avg_pool2d(self.last(self.each(x)).relu(), 2)
        return self.head(x.flatten(1))  # type: ignore[no-any-return]


def test_readers_know_their_places() -> None:
    """Depthwise layers read nothing that could be mixed anew."""
    net = Net().eval()
    found = readers(net, find_groups(net, (2, 7, 7)))
    assert list(found) == ["mix", "last", "head"]
    assert found["mix"].layer is net.mix and list(found["mix"].inputs) == ["left", "right"]
    assert found["mix"].inputs["left"].tolist() == [[0], [1], [2], [3]]
    assert found["mix"].inputs["right"].tolist() == [[4], [5], [6], [7], [8], [9]]
    assert found["head"].inputs["last"].tolist() == torch.arange(24).view(6, 4).tolist()


@torch.no_grad()
def test_what_they_read_and_answer_is_seen() -> None:
    net, images = Net().eval(), torch.randn(40, 2, 7, 7) + 1
    found = readers(net, find_groups(net, (2, 7, 7)))
    seen = see(net, found, images)
    assert list(seen) == ["mix", "last", "head"] and all(one.calls == 1 for one in seen.values())
    assert [seen[name].normalised for name in seen] == [True, False, False]
    read = torch.cat([net.left(images), net.right(images)], 1)
    assert torch.allclose(seen["mix"].wanted, responses.sample(net.mix(read), seen["mix"].places), atol=1e-5)
    right = read[:, 4:].transpose(0, 1).flatten(1).double()
    moments, mean = seen["mix"].moments["right"]
    assert torch.allclose(mean, right.mean(1), atol=1e-5)
    assert torch.allclose(moments, right @ right.T / right.shape[1], atol=1e-5)
    flat = nn.functional.adaptive_avg_pool2d(net.last(net.each(net.norm(net.mix(read)))).relu(), 2)
    own = flat.transpose(0, 1).flatten(1).double()
    assert torch.allclose(seen["head"].moments["last"][0], own @ own.T / own.shape[1], atol=1e-5)
    assert seen["head"].wanted.shape == (40, 3)


def test_large_maps_are_looked_at_in_places() -> None:
    net, images = (
        nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1), nn.Flatten(), nn.Linear(2 * 400, 2)),
        64,
    )
    found = readers(net.eval(), find_groups(net, (1, 20, 20)))
    seen = see(net, found, torch.randn(images, 1, 20, 20))
    assert seen["1"].places.shape == (64, 64) and seen["1"].wanted.shape == (4096, 2)
    assert all(len(own.unique()) == 64 for own in seen["1"].places)


class Own(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * 2)


def test_layers_with_a_forward_of_their_own_are_not_read_by() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 1), Own(4, 6, 1), nn.Conv2d(6, 3, 1), nn.Flatten(), nn.Linear(12, 2))
    net[4].register_forward_pre_hook(lambda module, inputs: None)
    assert list(readers(net, find_groups(net, (1, 2, 2)))) == ["2"]

"""Why a net does not run: the layer that failed is named, and the images only where they are at fault."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.nets.count import count
from lcsearch.nets.failure import Watch


class Wrong(nn.Module):
    """Reads an attribute that no convolution has."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale  # type: ignore[operator]


def of_failing(model: nn.Module, images: Tensor) -> str:
    with pytest.raises(InputError) as caught, Watch():
        model(images).sum().backward()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_names_the_innermost_layer_and_what_it_got() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.ReLU(), Wrong()))
    said = of_failing(net, torch.zeros(2, 1, 8, 8))
    assert said.startswith("the net fails in layer '1.1' (Wrong), given (2, 4, 6, 6) float32: AttributeError")


def test_what_fails_between_layers_is_the_nets_own_forward() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x).view(7, 7)

    assert "fails in its own forward, given (1, 1, 8, 8) float32: RuntimeError" in of_failing(
        Net(), torch.zeros(1, 1, 8, 8)
    )


def test_a_layer_whose_error_the_net_catches_is_not_named() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner, self.last = nn.Linear(3, 3), Catching(), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            self.inner(x)
            return self.last(x)

    class Catching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wrong = Wrong()

        def forward(self, x: Tensor) -> None:
            with contextlib.suppress(AttributeError):
                self.wrong(x)

    assert "in layer 'last' (Linear)" in of_failing(Net(), torch.zeros(2, 3))


def test_the_backward_pass_names_the_last_layer_that_it_reached() -> None:
    class Forgets(torch.autograd.Function):
        @staticmethod
        def forward(context: object, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(context: object, gradient: Tensor) -> Tensor:
            raise NotImplementedError("no gradient here")

    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Forgets.apply(x)  # type: ignore[no-any-return]

    said = of_failing(nn.Sequential(nn.Linear(3, 3), Odd(), nn.Linear(3, 3)), torch.zeros(2, 3))
    assert "in the backward pass, at or before layer '1' (Odd): NotImplementedError: no gradient here" in said


def test_leaves_nothing_on_the_net() -> None:
    net = nn.Sequential(nn.Linear(3, 3))
    with Watch():
        net(torch.zeros(2, 3))
    assert not net[0]._forward_hooks and not net._forward_pre_hooks
    assert not torch.nn.modules.module._global_forward_hooks
    assert not torch.nn.modules.module._global_forward_pre_hooks


def test_counting_blames_the_images_only_where_others_would_do() -> None:
    flat = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * 28 * 28, 10))
    with pytest.raises(InputError, match=r"layer '2' \(Linear\), given \(1, 128\)") as it:
        count(flat, (1, 8, 8))
    assert str(it.value).endswith("; it takes images of 28 x 28 pixels: image_size=28")
    with pytest.raises(InputError) as it:
        count(nn.Sequential(nn.Conv2d(1, 2, 3), Wrong()), (1, 8, 8))
    assert "it takes images" not in str(it.value) and "layer '1' (Wrong)" in str(it.value)


def test_counting_says_of_wrong_channels_which_layer_has_them() -> None:
    with pytest.raises(InputError, match=r"layer '0' \(Conv2d\), given \(1, 1, 8, 8\)") as it:
        count(nn.Sequential(nn.Conv2d(3, 2, 3)), (1, 8, 8))
    assert "it takes images" not in str(it.value)

"""Which convolutions may be replaced, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from lcsearch.core.errors import InputError
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery
from lcsearch.nets.replaceable import (
    conv_layers,
    left_plain,
    plain_words,
    shape_of,
    tied,
    tied_words,
)


class Flipped(nn.Conv2d):
    """A convolution with a forward of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(-1))


class Halved(nn.Conv2d):
    """A convolution that does something to its filters."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(x, weight / 2, bias)


class Square(nn.Conv2d):
    """A convolution that is made in another way."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3)


def _exchange(conv: nn.Conv2d) -> nn.Conv2d:
    conv.forward = partial(F.conv2d, weight=conv.weight)  # type: ignore[method-assign]
    return conv


def _compiled(conv: nn.Conv2d) -> nn.Conv2d:
    conv.compile(backend="eager")
    return conv


def _with(conv: nn.Conv2d, name: str, part: nn.Module | Tensor) -> nn.Conv2d:
    conv.register_buffer(name, part) if isinstance(part, Tensor) else setattr(conv, name, part)
    return conv


def _hooked(conv: nn.Conv2d, register: str) -> nn.Conv2d:
    getattr(conv, register)(lambda *_: None)
    return conv


def conv() -> nn.Conv2d:
    return nn.Conv2d(4, 4, 3)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Flipped(4, 4, 3), "Flipped has a forward of its own"),
        (lambda: Halved(4, 4, 3), "Halved has a forward of its own"),
        (lambda: nn.LazyConv2d(4, 3), "it has no weights yet"),
        (lambda: parametrizations.orthogonal(conv()), "it is parametrized"),
        (lambda: nn.utils.weight_norm(conv()), r"weights are made of others.*weight_g"),
        (lambda: nn.utils.spectral_norm(conv()), r"weights are made of others.*weight_orig"),
        (lambda: prune.l1_unstructured(conv(), "weight", 0.5), r"weights are made of others.*weight_orig"),
        (lambda: prune.random_unstructured(conv(), "bias", 0.5), r"weights are made of others.*bias_orig"),
        (lambda: _exchange(conv()), "its forward was exchanged"),
        (lambda: _compiled(conv()), "its forward was exchanged"),
        (lambda: _with(conv(), "gate", nn.PReLU()), r"more than a convolution does \(gate\)"),
        (lambda: _with(conv(), "scale", torch.ones(4)), r"more than a convolution does \(scale\)"),
        (lambda: _hooked(conv(), "register_forward_hook"), r"it has hooks \(forward\)"),
        (lambda: _hooked(conv(), "register_forward_pre_hook"), r"it has hooks \(forward_pre\)"),
        (lambda: _hooked(conv(), "register_full_backward_hook"), r"it has hooks \(backward\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated")
def test_what_is_more_than_a_convolution_stays_plain(make: Callable[[], nn.Module], why: str) -> None:
    model = nn.Sequential(make(), conv())
    assert list(conv_layers(model)) == ["1"]
    (left,) = left_plain(model)
    assert left.name == "0"
    with pytest.raises(InputError, match=rf"layers: '0' stays plain: .*{why}"):
        surgery.convert(model, {"0": LinearSpec(0.5)})


def test_a_class_that_only_makes_its_convolution_in_another_way_is_replaced() -> None:
    assert list(conv_layers(nn.Sequential(Square(4), conv().requires_grad_(False)))) == ["0", "1"]


def _sharing(one: nn.Conv2d, other: nn.Module, name: str = "weight") -> nn.ModuleList:
    setattr(other, name, one.weight)
    return nn.ModuleList([one, other, conv()])


@pytest.mark.parametrize(
    "make",
    [
        lambda: _sharing(conv(), nn.ConvTranspose2d(4, 4, 3)),
        lambda: _sharing(conv(), nn.Conv2d(8, 4, 3, groups=2)),
        lambda: _sharing(conv(), Flipped(4, 4, 3)),
        lambda: _sharing(conv(), _hooked(conv(), "register_forward_hook")),
        lambda: nn.ModuleList([*_sharing(one := conv(), conv())[:2], nn.ParameterList([one.weight]), conv()]),
        lambda: nn.ModuleList([*_sharing(one := conv(), conv())[:2], nn.ParameterList([one.bias]), conv()]),
    ],
)
def test_convolutions_that_share_a_tensor_with_something_else_stay_plain(
    make: Callable[[], nn.Module],
) -> None:
    model = make()
    last = str(len(list(model.children())) - 1)
    assert list(conv_layers(model)) == [last] and not tied(model) and tied_words(model) is None
    assert left_plain(model)[0].name == "0" and left_plain(model)[0].why.startswith("it shares tensors with ")


def test_a_tensor_that_is_shared_counts_once_among_what_stays_plain() -> None:
    model = _sharing(conv(), Flipped(4, 4, 3))
    assert [left.params for left in left_plain(model)] == [4 * 4 * 9 + 4, 4]


def test_convolutions_that_share_their_weight_alone_have_one_choice() -> None:
    model = nn.ModuleDict({"a": conv(), "b": nn.Conv2d(4, 4, 3, 2, 1, bias=False), "c": conv(), "d": conv()})
    model["b"].weight = model["d"].weight = model["a"].weight
    model["d"].bias = model["a"].bias
    assert list(conv_layers(model)) == ["a", "c"] and not left_plain(model)
    assert tied(model) == {"a": ("b", "d")}
    assert tied_words(model) == "one choice for convolutions that share a weight: a + b + d"


def test_one_module_under_two_names_shares_with_nobody() -> None:
    one = conv()
    model = nn.ModuleDict({"a": one, "b": nn.Sequential(one)})
    assert list(conv_layers(model)) == ["a"] and not left_plain(model)


def test_what_took_a_convolutions_place_is_neither() -> None:
    model = surgery.convert(nn.Sequential(nn.Conv2d(8, 8, 3)), {"0": LinearSpec(0.25)})
    assert not conv_layers(model) and not left_plain(model)


def test_shape_of_says_what_decides_the_size() -> None:
    shape = shape_of(nn.Conv2d(6, 8, (3, 5), groups=2, bias=False))
    assert (shape.in_channels, shape.out_channels, shape.kernel, shape.groups, shape.bias) == (
        6,
        8,
        (3, 5),
        2,
        False,
    )


def test_finds_convolutions_at_any_depth_in_module_order() -> None:
    inner = nn.ModuleDict({"z": conv(), "a": nn.ModuleList([nn.Conv1d(4, 4, 3), conv()])})
    model = nn.Sequential(nn.Sequential(conv(), nn.ReLU()), inner)
    assert list(conv_layers(model)) == ["0.0", "1.z", "1.a.1"]


def test_words_say_how_many_how_much_and_why() -> None:
    assert plain_words(nn.Sequential(conv())) is None
    names = ("stem", "a", "b", "c", "d", "last")
    model = nn.ModuleDict({name: Flipped(4, 4, 3, bias=False) for name in names[1:]})
    model["stem"] = _hooked(nn.Conv2d(4, 4, 3, bias=False), "register_forward_hook")
    model["free"] = nn.Conv2d(4, 8, 3, bias=False)
    assert plain_words(model) == (
        "6 of 7 convolutions left plain (75 % of the parameters): "
        "a, b, c and 2 more (Flipped has a forward of its own), stem (it has hooks (forward))"
    )
    assert plain_words(nn.Sequential(Flipped(4, 4, 3))) == (
        "1 of 1 convolution left plain (100 % of the parameters): 0 (Flipped has a forward of its own)"
    )

"""What a layer need not say itself."""

from __future__ import annotations

import pytest
import torch
from bank_family import FAMILY, BankLayer, BankSpec
from torch import nn

from lcsearch.layers.shape import Size


def test_a_layer_without_more_to_say_is_trained_and_stored_whole() -> None:
    layer = FAMILY.fresh(nn.Conv2d(4, 8, 3), BankSpec(2, "b"))
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.prune(1.0)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    assert layer.undecayed() == layer.prunable() == []
    assert layer.unstored(set(layer.parameters())) == Size(trainable=0, stored=0)
    assert layer.masks() == layer.implied() == {}


def test_it_can_be_shown_and_read_before_it_has_a_place() -> None:
    layer = FAMILY.fresh(nn.Conv2d(4, 8, 3), BankSpec(2, "b"))
    assert repr(layer) == "BankLayer(4, 8, kernel_size=(3, 3), groups=1)"
    assert torch.equal(layer.weight, layer.to_conv().weight)
    with pytest.raises(TypeError, match="BankLayer"):
        layer.reset_parameters()


def test_its_standard_form_is_the_plain_convolution() -> None:
    layer = FAMILY.fresh(nn.Conv2d(4, 8, 3), BankSpec(2, "b"))
    made, x = layer.factorize(), torch.randn(1, 4, 5, 5)
    assert isinstance(made, nn.Conv2d)
    torch.testing.assert_close(made(x), layer(x))


def test_it_takes_over_a_bias_and_whether_it_learns() -> None:
    conv = nn.Conv2d(4, 8, 3).requires_grad_(False)
    layer = FAMILY.fresh(conv, BankSpec(2, "b"))
    layer.take_over(conv)
    torch.testing.assert_close(layer.bias.detach(), conv.bias)
    assert not any(parameter.requires_grad for parameter in layer.parameters())
    layer.take_over(nn.Conv2d(4, 8, 3))
    assert all(parameter.requires_grad for parameter in layer.parameters())


class Buffered(BankLayer):
    """A layer with what only some families have: fixed numbers, of which its file holds some."""

    family = "buffered"

    def __init__(self, conv: nn.Conv2d, size: int = 2) -> None:
        super().__init__(conv, BankSpec(size, "b"), nn.Parameter(torch.randn(size, 9)))
        self.register_buffer("places", torch.arange(5.0))
        self.register_buffer("signs", torch.ones(3))

    def stored_buffers(self) -> list[torch.Tensor]:
        return [self.places, self.signs]

    def unstored(self, own: set[nn.Parameter]) -> Size:
        return Size(trainable=4, stored=1) if self.mixing in own else Size(0, 0)


def test_its_numbers_are_those_that_nobody_has_counted() -> None:
    """32 kernels of two numbers each, 18 in the bank, 8 in the bias; 5 and 3 fixed ones."""
    layer = Buffered(nn.Conv2d(4, 8, 3))
    assert layer.size_of(set(layer.parameters()), set()) == Size(90 - 4, 90 - 1 + 8)
    assert layer.size_of({layer.bank, layer.bias}, {layer.places}) == Size(26, 26 + 3)
    plain = FAMILY.fresh(nn.Conv2d(4, 8, 3), BankSpec(2, "b"))
    assert plain.size_of(set(plain.parameters()), set()) == Size(90, 90)


@pytest.mark.parametrize("bias", [True, False])
def test_it_follows_another_and_still_does_once_moved(bias: bool) -> None:
    own, lead = Buffered(nn.Conv2d(4, 8, 3)), Buffered(nn.Conv2d(4, 8, 3))
    assert own.lead is None
    own.follow(lead, bias=bias)
    assert own.lead is lead and lead.lead is None
    assert own.mixing is lead.mixing and own.places is lead.places
    assert (own.bias is lead.bias) is bias
    assert dict(own.named_children()) == {}, "what it follows is no part of it"
    pair = nn.ModuleList([lead, own]).to(torch.float64)
    assert own.places is lead.places and own.places.dtype == torch.float64
    assert own.mixing.dtype == torch.float64 and pair[1] is own


@pytest.mark.parametrize("bias", [True, False])
def test_it_cannot_follow_one_with_other_tensors(bias: bool) -> None:
    own = Buffered(nn.Conv2d(4, 8, 3))
    with pytest.raises(ValueError) as caught:
        own.follow(Buffered(nn.Conv2d(4, 8, 3), 3), bias=bias)
    assert str(caught.value) == "two layers of family buffered for one weight differ in their tensors"
    assert own.lead is None


def test_it_uses_what_another_owns() -> None:
    own, owner = (FAMILY.fresh(nn.Conv2d(4, 8, 3), BankSpec(2, "b")) for _ in range(2))
    assert own.owner is None
    own.borrow(owner)
    assert own.owner is owner and dict(own.named_children()) == {}


def test_all_its_parameters_learn_as_fast() -> None:
    assert FAMILY.fresh(nn.Conv2d(4, 8, 3), BankSpec(2, "b")).faster() == (1.0, [])

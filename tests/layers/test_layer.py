"""What a layer need not say itself."""

from __future__ import annotations

import pytest
import torch
from bank_family import FAMILY, BankSpec
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

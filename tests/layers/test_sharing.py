"""Modules that hold each other's tensors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lcsearch.layers.sharing import share


def block(channels: int = 4, bias: bool = True) -> nn.Sequential:
    """A convolution and a batch norm, which has buffers, in a part of their own."""
    return nn.Sequential(nn.Conv2d(2, channels, 3, bias=bias), nn.Sequential(nn.BatchNorm2d(channels)))


def held(module: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def test_all_tensors_are_those_of_the_other() -> None:
    own, lead = block(), block()
    assert share(own, lead, bias=True)
    assert held(own).keys() == held(lead).keys()
    assert all(held(own)[name] is tensor for name, tensor in held(lead).items())


@pytest.mark.parametrize("bias", [True, False])
def test_biases_may_stay_apart(bias: bool) -> None:
    own, lead = block(bias=bias), block()
    before = held(own)
    assert share(own, lead, bias=False)
    assert held(own).keys() == before.keys()
    for name, tensor in held(own).items():
        assert tensor is (before if name.endswith("bias") else held(lead))[name]


def test_biases_of_inner_parts_may_stay_apart() -> None:
    own, lead = nn.Sequential(block(bias=False)), nn.Sequential(block())
    assert share(own, lead, bias=False)
    assert held(own)["0.0.weight"] is held(lead)["0.0.weight"] and "0.0.bias" not in held(own)


@pytest.mark.parametrize(
    ("own", "bias"), [(block(5), True), (block(5), False), (block(bias=False), True), (nn.ReLU(), True)]
)
def test_where_tensors_differ_nothing_changes(own: nn.Module, bias: bool) -> None:
    before, lead = held(own), block()
    kept = held(lead)
    assert not share(own, lead, bias=bias)
    assert all(held(own)[name] is tensor for name, tensor in before.items())
    assert all(held(lead)[name] is tensor for name, tensor in kept.items())

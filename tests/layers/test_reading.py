"""What a net may read of a layer in a convolution's place: that of the convolution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.layers import LinearConv2d
from lcsearch.layers.factorized import FactorizedConv2d

NAMES = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups",
         "padding_mode", "transposed", "output_padding")  # fmt: skip
OPTIONS: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": (3, 5), "padding": (2, 1), "stride": (2, 1), "bias": False},
    {"kernel_size": (2, 3), "padding": "same", "dilation": 2, "padding_mode": "reflect"},
    {"kernel_size": 3, "padding": 1, "groups": 2, "padding_mode": "circular"},
]
KINDS: list[dict[str, Any]] = [{}, {"rank": 2}, {"sparsity": 0.5}, {"per_group": True}]


@pytest.fixture(params=[(options, kind) for options in OPTIONS for kind in KINDS], ids=str)
def layer(request: pytest.FixtureRequest) -> LinearConv2d:
    options, kind = request.param
    torch.manual_seed(0)
    made = LinearConv2d(16, 32, **options, **kind, alpha=0.125, dtype=torch.float64)
    if not kind:
        made.set_order(torch.randperm(32))
    return made


def forms(layer: LinearConv2d) -> list[nn.Module]:
    return [layer, layer.factorize(), layer.to(memory_format=torch.channels_last).factorize()]  # type: ignore


def test_every_form_is_a_convolution_that_can_be_read_and_run_as_one(layer: LinearConv2d) -> None:
    plain, x = layer.to_conv(), torch.randn(2, 16, 7, 8, dtype=torch.float64)
    for form in forms(layer):
        assert isinstance(form, nn.Conv2d)
        assert [getattr(form, name) for name in NAMES] == [getattr(plain, name) for name in NAMES]
        torch.testing.assert_close(form.weight, plain.weight.detach(), check_dtype=True)
        assert (form.bias is None) == (plain.bias is None)
        torch.testing.assert_close(nn.Conv2d.forward(form, x), form(x))


def test_gradients_of_the_weight_reach_every_parameter(layer: LinearConv2d) -> None:
    for form in (layer, layer.factorize()):
        assert not isinstance(form.weight, nn.Parameter)
        assert "weight" not in form.state_dict() and "weight" not in dict(form.named_parameters())
        (form.weight * torch.randn(form.weight.shape, dtype=torch.float64)).sum().backward()  # type: ignore
        learned = [p for name, p in form.named_parameters() if not name.endswith("bias")]
        assert learned and all(bool(p.grad.abs().sum() > 0) for p in learned)  # type: ignore[union-attr]


def test_the_weight_cannot_be_set(layer: LinearConv2d) -> None:
    for value in (torch.zeros_like(layer.weight), nn.Parameter(torch.zeros_like(layer.weight))):
        with pytest.raises((AttributeError, KeyError)):
            layer.weight = value  # type: ignore[misc]


def test_parameters_are_those_of_the_family_alone() -> None:
    made = LinearConv2d(4, 8, 3, alpha=0.5)
    assert list(made.state_dict()) == ["primary", "coefficients", "bias", "order"]


def test_a_factorized_layer_draws_fresh_parameters_of_both_steps() -> None:
    made = LinearConv2d(16, 32, 3, alpha=0.125).factorize()
    assert isinstance(made, FactorizedConv2d)
    before = [parameter.clone() for parameter in made.parameters()]
    made.reset_parameters()
    assert not any(torch.equal(a, b) for a, b in zip(before, made.parameters(), strict=True))

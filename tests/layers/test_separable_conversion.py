"""Standard layers in place of a separable one, and the separable layer in place of a convolution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.layers import SeparableConv2d
from lcsearch.layers.factorized import SeparatedConv2d
from lcsearch.layers.shape import Places

KINDS: list[dict[str, Any]] = [{}, {"terms": 2}, {"rank": 3}, {"terms": 2, "rank": 5}]
GEOMETRIES: list[dict[str, Any]] = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": (3, 5), "padding": (2, 1), "stride": (2, 1), "bias": False},
    {"kernel_size": 3, "padding": "same", "dilation": 2, "padding_mode": "circular"},
    {"kernel_size": (2, 3), "padding": "same", "padding_mode": "replicate"},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect", "stride": 2},
]
NAMES = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups",
         "padding_mode", "transposed", "output_padding")  # fmt: skip
MANY = Places(given=1, made=100)
"""Where the factorized form is always the cheaper one."""


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
def test_standard_layers_give_the_same_output_and_read_alike(
    options: dict[str, Any], kind: dict[str, Any], layout: Any
) -> None:
    torch.manual_seed(0)
    layer = SeparableConv2d(16, 12, **options, **kind).to(memory_format=layout)
    x = torch.randn(2, 16, 9, 10).contiguous(memory_format=layout)
    expected, plain, steps = layer(x), layer.to_conv(), layer.factorize(MANY)
    assert type(plain) is nn.Conv2d and isinstance(steps, SeparatedConv2d)
    assert all(type(step) is nn.Conv2d for step in steps.modules() if not list(step.children()))
    for form in (plain, steps, layer):
        assert (form(x) - expected).norm() <= 1e-5 * expected.norm()
        assert [getattr(form, name) for name in NAMES] == [getattr(plain, name) for name in NAMES]
        torch.testing.assert_close(form.weight, plain.weight)
        assert (form.bias is None) == (plain.bias is None)
        torch.testing.assert_close(nn.Conv2d.forward(form, x), form(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("learns", [True, False])
def test_standard_layers_keep_mode_type_and_layout(learns: bool, layout: Any) -> None:
    layer = SeparableConv2d(16, 12, 3, rank=2, terms=2, dtype=torch.float64)
    layer.to(memory_format=layout).train(learns).requires_grad_(learns)
    for made in (layer.to_conv(), *list(layer.factorize(MANY).modules())[1:]):
        assert made.training is learns
        for name, value in made.named_parameters():
            assert (value.dtype, value.requires_grad) == (torch.float64, learns)
            assert value.dim() == 1 or value.is_contiguous(memory_format=layout), name
            assert value.data_ptr() not in {own.data_ptr() for own in layer.parameters()}


def test_each_term_is_a_pointwise_and_a_depthwise_convolution() -> None:
    layer = SeparableConv2d(16, 12, 3, rank=2, terms=3, stride=2)
    made = layer.factorize(MANY)
    assert torch.equal(made.reduction.weight[:, :, 0, 0], layer.row)
    for k, (pointwise, depthwise) in enumerate(zip(made.pointwise, made.depthwise, strict=True)):
        assert torch.equal(pointwise.weight[:, :, 0, 0], layer.column[k])
        assert torch.equal(depthwise.weight[:, 0], layer.blueprints[k])
        assert (depthwise.groups, depthwise.stride, pointwise.stride) == (12, (2, 2), (1, 1))
        assert pointwise.bias is None and (depthwise.bias is None) == (k > 0)
    assert k == 2 and torch.equal(made.bias, layer.bias)
    assert SeparableConv2d(16, 12, 3).factorize(MANY).reduction is None


def test_gradients_of_the_weight_reach_every_parameter() -> None:
    layer = SeparableConv2d(16, 12, 3, rank=2, terms=2, dtype=torch.float64)
    for form in (layer, layer.factorize(MANY)):
        (form.weight * torch.randn(12, 16, 3, 3, dtype=torch.float64)).sum().backward()
        learned = [p for name, p in form.named_parameters() if not name.endswith("bias")]
        assert learned and all(bool(p.grad.abs().sum() > 0) for p in learned)


def test_steps_draw_fresh_parameters() -> None:
    made = SeparableConv2d(16, 12, 3).factorize(MANY)
    before = [parameter.clone() for parameter in made.parameters()]
    made.reset_parameters()
    assert not any(torch.equal(a, b) for a, b in zip(before, made.parameters(), strict=True))


@pytest.mark.parametrize(
    ("stride", "places", "separated"),
    [
        # 16 x 12: 2 terms take 384 at each place given and 216 at each made, the filters 1728 at each made.
        (1, None, True),
        (2, None, False),  # 4 * 384 + 216 = 1752, as on large images
        (2, Places(given=81, made=25), True),  # 81 * 384 + 25 * 216 = 36504 of 43200
        (1, Places(given=100, made=25), False),  # 43800 of 43200
        (1, Places(given=63, made=16), False),  # 27648 of 27648: the plain one where they are equal
    ],
)
def test_the_form_with_fewer_products_depends_on_the_places(
    stride: int, places: Places | None, separated: bool
) -> None:
    made = SeparableConv2d(16, 12, 3, stride=stride, terms=2).factorize(places)
    assert isinstance(made, SeparatedConv2d) is separated


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_convolution_that_is_separable_is_found_again(kind: dict[str, Any]) -> None:
    torch.manual_seed(0)
    conv = SeparableConv2d(8, 12, (3, 2), padding=1, dtype=torch.float64, **kind).to_conv().eval()
    layer = SeparableConv2d.from_conv(conv.requires_grad_(False), **kind)
    torch.testing.assert_close(layer.weight, conv.weight)
    assert torch.equal(layer.bias, conv.bias)
    assert not layer.training and not layer.blueprints.requires_grad
    assert layer.blueprints.dtype == torch.float64


def test_only_a_convolution_with_finite_numbers_can_be_taken() -> None:
    with pytest.raises(TypeError, match=r"must be an nn\.Conv2d"):
        SeparableConv2d.from_conv(nn.ConvTranspose2d(8, 8, 3))  # type: ignore[arg-type]
    conv = nn.Conv2d(8, 8, 3)
    conv.weight.data[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        SeparableConv2d.from_conv(conv)

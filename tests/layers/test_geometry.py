"""Arguments of convolutions, against those of PyTorch and by what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.layers.geometry import Geometry, check_conv

ARGUMENTS: dict[str, Any] = {
    "in_channels": 8, "out_channels": 12, "kernel_size": (3, 4), "stride": (2, 1), "padding": (1, 2),
    "dilation": (1, 2), "groups": 2, "bias": True, "padding_mode": "zeros",
}  # fmt: skip
CONVOLUTIONS: list[dict[str, Any]] = [
    {},
    {"bias": False, "groups": 4},
    {"padding": "valid"},
    {"padding": "valid", "padding_mode": "reflect"},
    {"padding": "same", "stride": (1, 1)},
    {"padding": "same", "stride": (1, 1), "padding_mode": "circular"},
    {"padding_mode": "replicate"},
    {"padding": 0, "kernel_size": 1, "stride": 3, "dilation": 1},
]


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_it_convolves_as_pytorch_does(options: dict[str, Any]) -> None:
    conv = nn.Conv2d(**ARGUMENTS | options)
    geometry = Geometry.checked(**ARGUMENTS | options)
    assert geometry == Geometry.of(conv)
    assert nn.Conv2d(**geometry.arguments).extra_repr() == conv.extra_repr()
    assert geometry.filter_shape == conv.weight.shape[1:]
    assert geometry.filter_size == conv.weight[0].numel()
    for height, width in ((12, 11), (11, 14)):
        x = torch.randn(1, 8, height, width)
        expected = conv(x)
        assert geometry.output_size(height, width) == expected.shape[2:]
        torch.testing.assert_close(geometry.convolve(x, conv.weight, conv.bias, geometry.groups), expected)


def test_pairs_are_spelled_out() -> None:
    geometry = Geometry.checked(8, 12, 3, 2, 1, 1, 1, False, "zeros")
    assert (geometry.kernel_size, geometry.stride) == ((3, 3), (2, 2))
    assert (geometry.padding, geometry.dilation) == ((1, 1), (1, 1))
    assert Geometry.checked(1, 1, 1, 1, 0, 1, 1, False, "zeros").padding == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_channels": 0}, "in_channels=0 must be at least 1"),
        ({"out_channels": 0}, "out_channels=0 must be at least 1"),
        ({"groups": 0}, "groups=0 must be at least 1 and divide in_channels=8"),
        ({"groups": 3}, "groups=3 must be at least 1 and divide in_channels=8"),
        ({"groups": 8}, "groups=8 must be at least 1 and divide out_channels=12"),
        ({"padding_mode": "mirror"},
         "padding_mode='mirror' must be one of zeros, reflect, replicate, circular"),
        ({"kernel_size": 0}, "kernel_size=0 must be one or two whole numbers of at least 1"),
        ({"kernel_size": (3, 0)}, "kernel_size=(3, 0) must be one or two whole numbers of at least 1"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size=(3, 3, 3) must be one or two whole numbers of at least 1"),
        ({"stride": 0}, "stride=0 must be one or two whole numbers of at least 1"),
        ({"stride": (1, 1.5)}, "stride=(1, 1.5) must be one or two whole numbers of at least 1"),
        ({"dilation": 0}, "dilation=0 must be one or two whole numbers of at least 1"),
        ({"padding": -1}, "padding=-1 must be one or two whole numbers of at least 0"),
        ({"padding": "full"}, "padding='full' must be a number, a pair, 'same' or 'valid'"),
        ({"padding": "same"}, "padding='same' needs stride 1, but stride=(2, 1)"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Geometry.checked(**ARGUMENTS | options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.LazyConv2d(8, 3), "is lazy and has no weights yet; run it on an image first"),
        (nn.ConvTranspose2d(8, 8, 3), "is a transposed convolution; it must be an nn.Conv2d"),
        (nn.ConvTranspose1d(8, 8, 3), "is a transposed convolution; it must be an nn.Conv2d"),
        (torch.ao.nn.quantized.Conv2d(8, 8, 3),
         "is quantised; it must be an nn.Conv2d with floating-point weights"),
        (torch.ao.nn.qat.Conv2d(8, 8, 3, qconfig=torch.ao.quantization.default_qat_qconfig),
         "is quantised; it must be an nn.Conv2d with floating-point weights"),
        (nn.Linear(8, 8), "must be an nn.Conv2d"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_what_is_no_plain_convolution_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        check_conv(module)
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    assert str(caught.value) == f"conv={name} {message}"


def test_weights_must_have_values_in_floating_point() -> None:
    check_conv(nn.Conv2d(8, 8, 3))
    for conv, message in (
        (nn.Conv2d(8, 8, 3, dtype=torch.complex64),
         "conv.weight has dtype torch.complex64; it must be a floating-point type"),
        (nn.Conv2d(8, 8, 3, device="meta"),
         "conv.weight is on the meta device and has no values; move the convolution first"),
    ):  # fmt: skip
        with pytest.raises(TypeError) as caught:
            check_conv(conv)
        assert str(caught.value) == message

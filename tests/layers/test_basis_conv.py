"""The basis layer against its definition, written out with loops that share no code with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from layer_checks import check_derivatives
from torch import Tensor, nn

from lcsearch.layers import BasisConv2d
from lcsearch.layers.models import prunable, undecayed

KINDS: list[dict[str, Any]] = [
    {"filters": 1},
    {"filters": 4},
    {"filters": 6, "bank_seed": 3},
    {"filters": 3, "train_basis": True},
]
GEOMETRIES: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": (3, 5), "padding": (2, 1), "stride": (2, 1), "bias": False},
    {"kernel_size": 3, "padding": "same", "dilation": 2},
    {"kernel_size": (2, 4), "padding": "same", "padding_mode": "circular", "bias": False},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect", "stride": 2},
    {"kernel_size": 3, "padding": 1, "padding_mode": "replicate"},
    {"kernel_size": (1, 3), "padding": "valid", "padding_mode": "circular", "dilation": (1, 2)},
]


def noted(layer: BasisConv2d) -> BasisConv2d:
    """The layer with a batch norm, if it has one, that does something."""
    if layer.norm is not None:
        layer.norm.gain.data.uniform_(0.5, 2)
        layer.norm.offset.data.normal_()
        layer.norm.mean.normal_()
        layer.norm.variance.uniform_(0.5, 2)
    return layer


def defined_output(layer: BasisConv2d, options: dict[str, Any], x: Tensor) -> Tensor:
    """The bank's convolution, the batch norm by its formula, and sums over the mixing, in float64."""
    bank = nn.Conv2d(8, layer.count, **options | {"bias": False}, dtype=torch.float64)
    with torch.no_grad():
        bank.weight.copy_(layer.bank)
        y = bank(x.double())
        if layer.norm is not None:
            numbers = (layer.norm.mean, layer.norm.variance, layer.norm.gain, layer.norm.offset)
            mean, variance, gain, offset = (one.double().view(-1, 1, 1) for one in numbers)
            y = (y - mean) / (variance + 1e-5).sqrt() * gain + offset
        outputs = []
        for o in range(layer.out_channels):
            made = sum(float(layer.mixing[o, q]) * y[:, q] for q in range(layer.count))
            outputs.append(made if layer.bias is None else made + float(layer.bias[o]))
        return torch.stack(outputs, 1)


@pytest.mark.parametrize("compute", ["weight", "feature", "auto"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
def test_output_is_that_of_its_definition(
    options: dict[str, Any], kind: dict[str, Any], compute: Any
) -> None:
    torch.manual_seed(0)
    layer = noted(BasisConv2d(8, 6, **options, **kind, compute=compute)).eval()
    x = torch.randn(2, 8, 10, 9)
    expected = defined_output(layer, options, x)
    for image in (x, x.contiguous(memory_format=torch.channels_last), x[0]):
        with torch.no_grad():
            for got in (layer(image), layer.to_conv()(image), layer.factorize()(image)):
                want = expected if image.dim() == 4 else expected[0]
                assert got.shape == want.shape
                assert (got - want).norm() <= 1e-5 * want.norm()
    if not kind.get("train_basis"):
        assert (layer.train()(x) - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("padding", [0, 1])
def test_in_training_the_batch_norm_takes_the_images_at_hand(padding: int) -> None:
    torch.manual_seed(0)
    layer = noted(BasisConv2d(8, 6, 3, padding=padding, filters=3, train_basis=True, compute="weight"))
    x = torch.randn(4, 8, 7, 7)
    norm = nn.BatchNorm2d(3)
    norm.load_state_dict(
        {
            "weight": layer.norm.gain, "bias": layer.norm.offset, "running_mean": layer.norm.mean.clone(),
            "running_var": layer.norm.variance.clone(), "num_batches_tracked": torch.tensor(0),
        }
    )  # fmt: skip
    y = norm(nn.functional.conv2d(x, layer.bank, padding=padding))
    expected = nn.functional.conv2d(y, layer.mixing[:, :, None, None], layer.bias)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.norm.mean, norm.running_mean)
    torch.testing.assert_close(layer.norm.variance, norm.running_var)


def test_evaluation_sees_what_its_batch_norm_noted_since() -> None:
    torch.manual_seed(0)
    layer, x = BasisConv2d(8, 6, 3, filters=3, train_basis=True).eval(), torch.randn(2, 8, 7, 7)
    for layer.compute in ("weight", "feature"):
        with torch.no_grad():
            layer(x)
            noted(layer)
            expected = defined_output(layer, {"kernel_size": 3}, x)
            torch.testing.assert_close(layer(x), expected.float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("compute", ["weight", "feature"])
def test_it_computes_in_its_own_type(compute: Any, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = BasisConv2d(8, 6, 3, padding=1, filters=4, bank_seed=1, compute=compute)
    x = torch.randn(2, 8, 5, 5)
    got = layer.to(dtype)(x.to(dtype))
    assert got.dtype == dtype
    expected = defined_output(layer, {"kernel_size": 3, "padding": 1}, x)
    assert (got.double() - expected).norm() <= (2e-2 if dtype.itemsize == 2 else 1e-6) * expected.norm()
    assert torch.equal(layer.implied()["bank"], layer.bank)
    assert BasisConv2d(8, 6, 3, filters=2, dtype=dtype).bank.dtype == dtype


@pytest.mark.parametrize("compute", ["weight", "feature"])
@pytest.mark.parametrize("kind", [{}, {"bank_seed": 0}, {"train_basis": True}], ids=str)
def test_first_and_second_derivatives(kind: dict[str, Any], compute: Any) -> None:
    torch.manual_seed(0)
    layer = BasisConv2d(2, 3, 2, compute=compute, dtype=torch.float64, filters=2, **kind)
    check_derivatives(noted(layer).eval(), torch.randn(1, 2, 3, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": 0}, "filters=0 must be in 1..6 for 6 output channels and filters of 72 numbers"),
        ({"filters": 7}, "filters=7 must be in 1..6 for 6 output channels and filters of 72 numbers"),
        ({"in_channels": 1, "kernel_size": 2, "filters": 5},
         "filters=5 must be in 1..4 for 6 output channels and filters of 4 numbers"),
        ({"groups": 2}, "cannot be of a basis: it has 2 groups; what fits is a convolution of one group "
         "whose kernel is larger than 1x1"),
        ({"in_channels": 6, "groups": 6}, "cannot be of a basis: it is depthwise; what fits is a convolution "
         "of one group whose kernel is larger than 1x1"),
        ({"kernel_size": 1}, "cannot be of a basis: its kernel is 1x1; what fits is a convolution of one "
         "group whose kernel is larger than 1x1"),
        ({"train_basis": True, "bank_seed": 0}, "train_basis=True and bank_seed=0 exclude each other"),
        ({"compute": "fast"}, "compute='fast' must be 'auto', 'weight' or 'feature'"),
        ({"padding": "same", "stride": 2}, "padding='same' needs stride 1, but stride=(2, 2)"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named_with_value_and_range(options: dict[str, Any], message: str) -> None:
    usual = {"in_channels": 8, "out_channels": 6, "kernel_size": 3, "filters": 2}
    with pytest.raises(ValueError) as caught:
        BasisConv2d(**usual | options)
    assert str(caught.value) == message


def test_its_tensors() -> None:
    fixed, trained = BasisConv2d(8, 6, 3, filters=2), BasisConv2d(8, 6, 3, filters=2, train_basis=True)
    assert {name: tuple(one.shape) for name, one in fixed.state_dict().items()} == {
        "bank": (2, 8, 3, 3), "mixing": (6, 2), "bias": (6,),
    }  # fmt: skip
    assert {name for name, _ in fixed.named_parameters()} == {"mixing", "bias"}
    assert {name: tuple(one.shape) for name, one in trained.named_parameters()} == {
        "bank": (2, 8, 3, 3), "mixing": (6, 2), "bias": (6,), "norm.gain": (2,), "norm.offset": (2,),
    }  # fmt: skip
    assert {name for name, _ in trained.named_buffers()} == {"norm.mean", "norm.variance"}
    assert undecayed(nn.Sequential(fixed, trained)) == prunable(nn.Sequential(fixed, trained)) == []


def test_what_it_shows_makes_it_again() -> None:
    layer = BasisConv2d(8, 6, (3, 1), 2, (1, 0), bias=False, filters=2, bank_seed=3, compute="feature")
    again = eval(f"BasisConv2d({layer.extra_repr()})")
    assert again.extra_repr() == layer.extra_repr() and again.geometry == layer.geometry

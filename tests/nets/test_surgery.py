"""Replacing convolutions in any module, and folding them back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers import LinearConv2d
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery

HALF = LinearSpec(0.5)


class Deep(nn.Module):
    """Convolutions in lists, dicts and nested containers, one of them under two names."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Conv2d(16, 16, 3, padding=1)
        self.first = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16)), shared]
        )
        self.by_name = nn.ModuleDict(
            {"a": nn.ModuleDict({"b": nn.Conv2d(16, 32, 3, 2, 1, groups=4)}), "c": shared}
        )
        self.line = nn.Conv1d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first[1](self.first[0](x))
        return self.by_name["a"]["b"](self.by_name["c"](x))


def test_replaces_at_any_depth_in_place() -> None:
    model = Deep()
    specs = {"first.0.0": HALF, "by_name.a.b": LinearSpec(0.25, rank=3)}
    assert surgery.convert(model, specs) is model
    assert isinstance(model.first[0][0], LinearConv2d)  # type: ignore[index]
    assert model.by_name["a"]["b"].rank == 3  # type: ignore[index]
    assert model(torch.zeros(2, 3, 12, 12)).shape == (2, 32, 5, 5)


@pytest.mark.parametrize("name", ["first.1", "by_name.c"])
def test_a_shared_module_is_replaced_under_both_names(name: str) -> None:
    model = surgery.convert(Deep(), {name: HALF})
    assert isinstance(model.first[1], LinearConv2d)  # type: ignore[index]
    assert model.first[1] is model.by_name["c"]  # type: ignore[index]


def test_two_specs_for_one_module_must_agree() -> None:
    surgery.convert(Deep(), {"first.1": HALF, "by_name.c": HALF})
    with pytest.raises(InputError, match=r"'first.1' and 'by_name.c' are one module"):
        surgery.convert(Deep(), {"first.1": HALF, "by_name.c": LinearSpec(0.25)})


def test_a_model_that_is_one_convolution_is_returned_replaced() -> None:
    assert isinstance(surgery.convert(nn.Conv2d(8, 8, 3), {"": HALF}), LinearConv2d)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("first.1.0", "no convolution 'first.1.0'; did you mean 'first"),
        ("first.0.1", "'first.0.1' is a BatchNorm2d, not a plain convolution"),
        ("line", "'line' is a Conv1d"),
    ],
)
def test_an_unknown_name_is_an_input_error(name: str, message: str) -> None:
    model = Deep()
    with pytest.raises(InputError, match=message):
        surgery.convert(model, {"first.0.0": HALF, name: HALF})
    assert isinstance(model.first[0][0], nn.Conv2d), "checked before anything is replaced"  # type: ignore[index]


@pytest.mark.parametrize("spec", [LinearSpec(1.5), LinearSpec(0.5, rank=0)])
def test_a_spec_that_does_not_fit_names_its_layer(spec: LayerSpec) -> None:
    with pytest.raises(InputError, match=r"layers\.first\.1: "):
        surgery.convert(Deep(), {"first.1": spec}, keep_hopeless=True)


def test_hopeless_choices_stay_plain_unless_told_otherwise() -> None:
    # 16 filters of 27 numbers at alpha 1/2: 8 x 27 + 8 x 8 < 16 x 27. 1x1 with 4 inputs: 8 x 4 + 64 > 16 x 4.
    def model() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(4, 16, 1))

    specs = {"0": HALF, "1": HALF}
    kinds = [type(module) for module in surgery.convert(model(), specs)]  # type: ignore[arg-type]
    assert kinds == [LinearConv2d, nn.Conv2d]
    kinds = [type(module) for module in surgery.convert(model(), specs, keep_hopeless=True)]  # type: ignore[arg-type]
    assert kinds == [LinearConv2d, LinearConv2d]


def test_family_conv_and_alpha_1_leave_the_convolution_itself() -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3))
    before = list(model)
    surgery.convert(model, {"0": ConvSpec(), "1": LinearSpec(1.0)})
    assert [a is b for a, b in zip(model, before, strict=True)] == [True, True]


@pytest.mark.parametrize("training", [True, False])
def test_dtype_device_and_mode_are_kept(training: bool) -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 3, device="meta", dtype=torch.float64)).train(training)
    layer = surgery.convert(model, {"0": HALF})[0]  # type: ignore[index]
    assert {(p.device.type, p.dtype) for p in layer.parameters()} == {("meta", torch.float64)}
    assert layer.training is training


def test_fresh_filters_start_on_the_scale_of_the_ones_they_replace() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 64, 3)
    nn.init.normal_(conv.weight, std=0.5)
    nn.init.constant_(conv.bias, 0.25)  # type: ignore[arg-type]
    layer = surgery.convert(nn.Sequential(conv), {"0": LinearSpec(0.25)})[0]  # type: ignore[index]
    folded = layer.to_conv()
    assert folded.weight[:16].std().item() == pytest.approx(0.5, rel=0.05)
    assert folded.weight[16:].std().item() == pytest.approx(0.5, rel=0.3)
    assert folded.bias.unique().tolist() == [0.25]


def test_allconv_keeps_its_signal_when_every_layer_is_converted() -> None:
    torch.manual_seed(0)
    plain = surgery.build_model(ModelSpec("allconv", 10, 3))
    layers = surgery.uniform(plain, "linear", alpha=0.25)
    model = surgery.build_model(ModelSpec("allconv", 10, 3, layers=layers)).eval()
    features = model.features(torch.randn(8, 3, 32, 32))  # type: ignore[operator]
    assert 0.1 < features.square().mean().sqrt() < 10


def test_uniform_takes_the_largest_rank_where_the_asked_one_does_not_fit() -> None:
    model = nn.Sequential(nn.Conv2d(3, 64, 3), nn.Conv2d(64, 12, 3), nn.Conv2d(12, 1, 3))
    specs = surgery.uniform(model, "linear", alpha=0.5, rank=10)
    assert specs == {
        "0": LinearSpec(0.5, rank=10),
        "1": LinearSpec(0.5, rank=6),
        "2": LinearSpec(0.5),
    }
    assert surgery.uniform(model, "linear", alpha=0.25, rank_ratio=0.5)["0"].rank == 8
    assert surgery.uniform(model, "linear", alpha=0.25, sparsity=0.5)["0"].sparsity == 0.5


@pytest.mark.parametrize("undo", [surgery.fold, surgery.factorize])
@pytest.mark.parametrize("backbone", ["resnext29", "squeezenet"])
def test_undone_models_are_standard_layers_and_give_the_same_output(undo, backbone: str) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    plain = surgery.build_model(ModelSpec(backbone, 10, 3, 0.25))
    spec = ModelSpec(backbone, 10, 3, 0.25, surgery.uniform(plain, "linear", alpha=0.25))
    model = surgery.build_model(spec, keep_hopeless=True).eval()
    made = undo(model)
    assert any(isinstance(module, LinearConv2d) for module in model.modules())
    assert not any(isinstance(module, LinearConv2d) for module in made.modules())
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(made(images), model(images), rtol=1e-4, atol=1e-5)


def test_fold_keeps_a_shared_module_shared() -> None:
    made = surgery.fold(surgery.convert(Deep(), {"first.1": HALF}))
    assert type(made.first[1]) is nn.Conv2d  # type: ignore[index]
    assert made.first[1] is made.by_name["c"]  # type: ignore[index]


def test_compress_keeps_the_weights_of_filters_that_are_combinations() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 16, 3, padding=1)
    with torch.no_grad():  # rank 4 filters: alpha 1/4 loses nothing
        conv.weight.copy_((torch.randn(16, 4) @ torch.randn(4, 144)).reshape(16, 16, 3, 3))
    images = torch.randn(2, 16, 8, 8)
    wanted = conv(images)
    model = surgery.compress(nn.Sequential(conv), {"0": LinearSpec(0.25)}).eval()
    assert isinstance(model[0], LinearConv2d)  # type: ignore[index]
    torch.testing.assert_close(model(images), wanted, rtol=1e-4, atol=1e-3)


def test_build_model_converts_on_the_meta_device() -> None:
    spec = ModelSpec("vgg11", 10, 3, layers={"features.4": HALF})
    with torch.device("meta"):
        model = surgery.build_model(spec)
    assert all(parameter.is_meta for parameter in model.parameters())
    assert isinstance(model.get_submodule("features.4"), LinearConv2d)

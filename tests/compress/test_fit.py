"""Models cut out of trained ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress import closeness, fit, responses
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import compress_trained
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.layers import LinearConv2d
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery

KINDS: list[dict[str, Any]] = [{}, {"rank_ratio": 0.5}, {"sparsity": 0.5}]
NETS = [("resnet18", 0.125, 16), ("mobilenetv2", 0.25, 32), ("resnext29", 0.25, 16), ("squeezenet", 0.25, 32),
        ("torchvision:shufflenet_v2_x0_5", 1.0, 32)]  # fmt: skip
CASES = [(*net, kind) for net in NETS for kind in (KINDS if net[1] < 1 else KINDS[2:])]
"""Whole nets are slow: of those one kind."""


class Skewed(nn.Module):
    """Two convolutions without batch norm; inputs in which one direction dominates."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.inner = nn.ModuleDict({"first": nn.Conv2d(3, 16, 3, padding=1, bias=bias)})
        self.second = nn.Conv2d(16, 24, 3, bias=bias)
        self.unused = nn.Conv2d(16, 16, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.inner["first"](images).relu()).mean((2, 3))  # type: ignore[no-any-return]


def skewed_images(count: int = 32) -> Tensor:
    smooth = nn.functional.interpolate(torch.randn(count, 3, 4, 4), size=12, mode="bilinear")
    return smooth * torch.tensor([3.0, 0.3, 0.1]).view(-1, 1, 1) + 1


def response_error(model: nn.Module, plain: nn.Module, images: Tensor) -> float:
    with torch.no_grad():
        return float((model(images) - plain(images)).square().mean())


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width", "size", "kind"), CASES, ids=str)
def test_structure_and_outputs_are_those_of_a_fresh_model(
    name: str, width: float, size: int, kind: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    spec = ModelSpec(name, 10, 3, width)
    plain = surgery.build_model(spec)
    images = torch.randn(12, 3, size, size)
    layers = surgery.uniform(plain, "linear", alpha=0.25, **kind)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    drawn = torch.get_rng_state()
    made = compress_trained(plain, layers, images)
    assert torch.equal(torch.get_rng_state(), drawn)
    fresh = surgery.build_model(replace(spec, layers=layers))
    assert sum(isinstance(module, LinearConv2d) for module in made.modules()) > 0
    fresh.load_state_dict(made.state_dict())
    with torch.no_grad():
        expected = made.eval()(images)
        assert torch.allclose(fresh.eval()(images), expected, atol=1e-5)
        assert expected.shape == plain(images).shape and bool(expected.isfinite().all())
    assert plain.training and hooks(plain) == hooks(made) == 0
    assert all(parameter.grad is None for parameter in plain.parameters())
    for key, value in before.items():
        if "running" not in key and "tracked" not in key:
            assert torch.equal(value, plain.state_dict()[key])


@pytest.mark.parametrize("how", ["filters", "responses"])
def test_dependent_filters_are_reproduced(how: fit.How) -> None:
    torch.manual_seed(0)
    model = Skewed().eval()
    with torch.no_grad():
        for conv in (model.inner["first"], model.second):
            assert isinstance(conv, nn.Conv2d)
            few = conv.weight[: conv.out_channels // 4].flatten(1)
            mixed = torch.randn(conv.out_channels, len(few)) @ few
            conv.weight.copy_(mixed.view_as(conv.weight))
    images = skewed_images()
    layers = {"inner.first": LinearSpec(0.25), "second": LinearSpec(0.25)}
    made = compress_trained(model, layers, images, how=how)
    assert isinstance(made.get_submodule("second"), LinearConv2d)
    assert response_error(made, model, images) < 1e-5 * float(model(images).detach().square().mean())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_responses_beat_filters_on_skewed_images(kind: dict[str, Any], bias: bool) -> None:
    torch.manual_seed(0)
    model = Skewed(bias).eval()
    layers = surgery.uniform(model, "linear", alpha=0.25, **kind)
    fitted, unseen = skewed_images(), skewed_images()
    error = {
        how: response_error(compress_trained(model, layers, fitted, how=how), model, unseen)
        for how in ("filters", "responses")
    }
    assert error["responses"] < (1.0 if "sparsity" in kind else 0.2) * error["filters"]


def test_each_layer_makes_up_for_its_predecessors() -> None:
    torch.manual_seed(0)
    model, images = Skewed().eval(), skewed_images(64)
    first, both = {"inner.first": LinearSpec(0.125)}, {"second": LinearSpec(0.5)}
    together = compress_trained(model, first | both, images)
    apart = compress_trained(model, first, images)
    alone = compress_trained(model, both, images)
    apart.second = alone.second
    assert response_error(together, model, images) < 0.8 * response_error(apart, model, images)


def test_the_target_stays_that_of_the_trained_model(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model, images = Skewed().eval(), skewed_images(64)
    layers = {"inner.first": LinearSpec(0.125), "second": LinearSpec(0.5)}
    corrected = response_error(compress_trained(model, layers, images), model, images)
    real = closeness._correction
    monkeypatch.setattr(closeness, "_correction", lambda given, wanted: real(given, given))
    assert corrected < 0.95 * response_error(compress_trained(model, layers, images), model, images)


@pytest.mark.parametrize(("images", "doubled"), [(256, 1 + 1 / 1.1), (1, 1 + 1 / 1.2)])
def test_filters_make_up_for_most_of_what_predecessors_lose(images: int, doubled: float) -> None:
    """Half the wanted response comes: a ridge of a tenth of its size, twice that for one sample, is kept."""
    conv = nn.Conv2d(1, 1, 1, bias=False)
    x = torch.rand(images, 1, 1, 1) + 1
    with torch.no_grad():
        plain = conv(x)
    places = responses.draw_places(plain.shape, plain.device)
    wanted = 2 * responses.sample(plain, places)
    target = responses.Response(plain.shape, places, wanted, wanted.mean(0), False, torch.ones(1).double())
    filters, _ = closeness.closeness_of(conv, target, x, plain)
    assert filters.item() / conv.weight.item() == pytest.approx(doubled, rel=1e-3)


def test_a_bias_keeps_the_mean_of_every_channel() -> None:
    torch.manual_seed(0)
    model, images = Skewed().eval(), skewed_images()
    made = compress_trained(model, surgery.uniform(model, "linear", alpha=0.125), images)
    assert torch.allclose(made(images).mean(0), model(images).mean(0), atol=1e-4)


class Odd(nn.Module):
    """A convolution called twice, one under two names, grouped ones, unbatched input, in-place changes."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.again = self.twice
        self.stem = nn.Conv2d(3, 8, 3, padding=1, padding_mode="circular")
        self.grouped = nn.Conv2d(8, 32, 3, groups=2, stride=2)
        self.single = nn.Conv2d(32, 32, 1)
        self.norm = nn.BatchNorm2d(32)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = self.stem(images).relu_()
        x = self.again(self.twice(x).relu_()).relu_()
        x = self.norm(self.grouped(x))
        return {"maps": torch.stack([self.single(image) for image in x])}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_odd_models_keep_their_shapes(kind: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model, images = Odd().eval(), torch.randn(6, 3, 10, 10)
    layers = surgery.uniform(model, "linear", alpha=0.25, **kind)
    made = compress_trained(model, layers, images)
    assert made.get_submodule("again") is made.get_submodule("twice")
    assert isinstance(made.get_submodule("grouped"), LinearConv2d)
    found = made(images)["maps"]
    assert found.shape == model(images)["maps"].shape and bool(found.isfinite().all())
    assert hooks(made) == hooks(model) == 0


def test_groups_are_fitted_to_what_frequent_patches_show() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 32, 3, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    images = nn.functional.interpolate(torch.randn(64, 4, 3, 3), size=12, mode="bilinear")
    errors = {}
    for how in ("filters", "responses"):
        made = compress_trained(model, {"0": LinearSpec(0.25)}, images, how=how)
        with torch.no_grad():
            errors[how] = float((made[0](images) - model[0](images)).square().mean())  # type: ignore[operator]
    assert errors["responses"] < 0.7 * errors["filters"]


def test_patch_covariance_is_that_of_unfold() -> None:
    torch.manual_seed(0)
    conv, x = nn.Conv2d(4, 6, 3, groups=2, padding=1), torch.randn(8, 4, 4, 4)
    patches = nn.functional.unfold(x[:1], 3, padding=1)[0].view(2, 18, 16).double()
    wanted = sum(torch.cov(group, correction=0) for group in patches) / 2
    assert torch.allclose(closeness.patch_covariance(conv, x, True), torch.as_tensor(wanted), atol=1e-6)


def test_importance_is_the_root_of_the_mean_squared_gradient() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    with torch.no_grad():
        model[3].weight.copy_(torch.diag(torch.ones(4))[:3] * 1e-3)
        model[3].weight[0, 0] = 2e-3
    found = responses.importance(model, {"0": model[0]}, torch.randn(256, 1, 2, 2))["0"]
    # Chances are all 1/3, so the gradient of score k is 1/3 or -2/3 with the same spread for each k.
    assert found[3] == responses.LEAST_WEIGHT
    assert float(found[0] / found[1]) == pytest.approx(2.0, rel=0.15)
    assert float(found[1] / found[2]) == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("how", ["filters", "responses"])
def test_weights_that_are_not_finite_are_named(how: fit.How) -> None:
    model = Skewed()
    with torch.no_grad():
        model.second.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match=r"^layers\.second: the trained weights hold NaN or infinity$"):
        compress_trained(model, {"second": LinearSpec(0.25)}, skewed_images(), how=how)


def test_wrong_names_and_missing_images_are_refused() -> None:
    with pytest.raises(InputError, match="no convolution 'third'"):
        compress_trained(Skewed(), {"third": LinearSpec(0.25)}, skewed_images())
    with pytest.raises(ValueError, match="needs at least two images"):
        compress_trained(Skewed(), {"second": LinearSpec(0.25)})


def test_the_same_comes_out_twice_and_the_mode_stays() -> None:
    torch.manual_seed(0)
    model, images = surgery.build_model(ModelSpec("base", 10, 1)), torch.randn(16, 1, 16, 16)
    layers = surgery.uniform(model, "linear", alpha=0.25, sparsity=0.5)
    first, second = (compress_trained(model, layers, images) for _ in range(2))
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )
    assert model.training and first.training


def test_without_layers_the_copy_is_equal() -> None:
    model = Skewed().eval()
    made = compress_trained(model, {}, skewed_images())
    assert made is not model and torch.equal(made(skewed_images()[:0]), model(skewed_images()[:0]))


def test_hooks_are_gone_after_a_failure() -> None:
    model = surgery.build_model(ModelSpec("base", 10, 3))
    with pytest.raises(RuntimeError):
        compress_trained(model, surgery.uniform(model, "linear", alpha=0.25), torch.randn(4, 5, 16, 16))
    assert hooks(model) == 0 and model.training


def test_reestimated_nets_with_batch_norm_stay_near_the_backbone() -> None:
    torch.manual_seed(0)
    model = surgery.build_model(ModelSpec("base", 10, 1)).eval()
    images = torch.randn(64, 1, 16, 16)
    reestimate(model, images)
    made = compress_trained(model, surgery.uniform(model, "linear", alpha=0.5), images)
    reestimate(made, images)
    assert response_error(made, model, images) < 0.5 * float(model(images).detach().var())

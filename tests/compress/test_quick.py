"""Many models out of one net, against the pieces of the slow way on the same images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from bank_family import BankFamily, BankLayer, BankSpec
from plugin_files import installed
from small_runs import INFO, lively
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.quick import IMAGES, WEIGHED, Passes, QuickCuts
from lcsearch.compress.thinned import Thinner
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.nets.channels import groups_of

PLAIN = ModelSpec("base", INFO.num_classes, INFO.in_channels, 0.25)
LAYERS: dict[str, LayerSpec] = {"features.4": LinearSpec(0.25), "features.8": SeparableSpec(1)}
CHANNELS = {"features.4": 0.5, "features.12": 0.25}
KEEP = groups_of(replace(PLAIN, image_size=(16, 16))).kept(CHANNELS)
SPECS = {
    "layers": replace(PLAIN, layers=LAYERS),
    "channels": replace(PLAIN, channels=CHANNELS, image_size=(16, 16)),
    "both": replace(PLAIN, layers=LAYERS, channels=CHANNELS, image_size=(16, 16)),
}


@pytest.fixture(scope="module")
def whole() -> nn.Module:
    return lively(PLAIN)


def images(count: int) -> Tensor:
    return torch.randn(count, INFO.in_channels, 16, 16, generator=torch.Generator().manual_seed(0))


def slowly(whole: nn.Module, spec: ModelSpec, given: Tensor) -> nn.Module:
    """Thinned and compressed anew, one after the other, nothing shared with another model."""
    model, few = whole, given[:IMAGES]
    if spec.channels:
        groups = groups_of(spec)
        model = Thinner(whole, groups, few, WEIGHED).thin(groups.kept(spec.channels))
    if not spec.layers:
        return model
    convs = {name: m for name, m in model.named_modules() if type(m) is nn.Conv2d}
    answers = responses.record(model, convs, few, WEIGHED)
    return compress_trained(model, spec.layers, few, answers=answers)


def alone(whole: nn.Module, spec: ModelSpec, given: Tensor) -> nn.Module:
    """Cut out before anything else."""
    return QuickCuts(whole, {}, given, Passes()).cut(spec)


@pytest.mark.parametrize("first", SPECS)
def test_each_model_is_what_it_would_be_alone(whole: nn.Module, first: str) -> None:
    """Whatever was cut out before it."""
    before = {name: value.clone() for name, value in whole.state_dict().items()}
    cuts = QuickCuts(whole, {}, images(140), Passes())
    for name in (first, *SPECS):
        made = cuts.cut(SPECS[name])
        wanted = (alone if name == "both" else slowly)(whole, SPECS[name], images(140))
        assert made.state_dict().keys() == wanted.state_dict().keys()
        for key, value in wanted.state_dict().items():
            assert torch.allclose(made.state_dict()[key], value, rtol=1e-4, atol=1e-5), (name, key)
    assert all(torch.equal(whole.state_dict()[name], value) for name, value in before.items())


@torch.no_grad()
def test_in_one_pass_a_model_comes_as_close_to_the_net(whole: nn.Module) -> None:
    """As one that is thinned first and compressed then, and closer than one that is not solved."""
    x, spec = images(IMAGES), SPECS["both"]
    unsolved = compress_trained(Thinner(whole, groups_of(spec), x).cut(KEEP).model, LAYERS, x)
    models = [alone(whole, spec, x), slowly(whole, spec, x), unsolved]
    lost = [float((model(x) - whole(x)).square().mean()) for model in models]
    assert lost[0] < 1.1 * lost[1] and lost[0] < 0.8 * lost[2]


def test_answers_that_are_known_change_nothing(whole: nn.Module) -> None:
    convs = {name: m for name, m in whole.named_modules() if type(m) is nn.Conv2d}
    answers = responses.record(whole, convs, images(40))
    made = compress_trained(whole, LAYERS, images(40), answers=answers)
    wanted = compress_trained(whole, LAYERS, images(40))
    assert all(map(torch.equal, made.state_dict().values(), wanted.state_dict().values()))


def test_a_model_that_is_the_net_is_the_net(whole: nn.Module) -> None:
    passes = Passes()
    assert QuickCuts(whole, CHANNELS, images(4), passes).cut(SPECS["channels"]) is whole
    assert passes.images == 0


def test_images_count_as_often_as_they_go_through_a_net(whole: nn.Module) -> None:
    """Counted from outside. Passes back, and old layers beside new ones, are on top of these."""
    through = list[int]()

    def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if type(module) is type(whole):
            through.append(len(inputs[0]))

    passes = Passes()
    cuts = QuickCuts(whole, {}, images(10), passes)
    handle = nn.modules.module.register_module_forward_pre_hook(count)
    try:
        cuts.cut(SPECS["both"])
        first = sum(through), passes.images
        cuts.cut(SPECS["both"])
    finally:
        handle.remove()
    assert first == (50, 50 + 2 * 2 * 10 + 10)  # see, weigh, see, weigh, fit; two back; one beside
    assert (sum(through), passes.images) == (60, first[1] + 10 + 10)  # solve and fit


def at_random(family: BankFamily, layers: dict[str, BankLayer], targets: object) -> None:
    for layer in layers.values():
        nn.init.normal_(layer.mixing, generator=torch.Generator().manual_seed(0))


def test_layers_that_share_tensors_get_their_statistics_too(
    tmp_path: Path, whole: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are fitted together, not while images go through: batch norm behind them follows after that."""
    monkeypatch.setattr(BankFamily, "fit_bundle", at_random)
    with installed(tmp_path, "banks", "1.0", {"lcsearch.families": {"bank": "bank_family:FAMILY"}}, {}):
        spec = replace(PLAIN, layers={name: BankSpec(2, "one") for name in LAYERS})
        made = QuickCuts(whole, {}, images(20), Passes()).cut(spec).state_dict()
        wanted = slowly(whole, spec, images(20))
        reestimate(wanted, images(20))
    for name in ("features.5.running_mean", "features.9.running_mean"):
        assert torch.allclose(made[name], wanted.state_dict()[name], rtol=1e-3, atol=1e-4), name

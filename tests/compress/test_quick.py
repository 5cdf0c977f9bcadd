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
from lcsearch.compress.quick import FIT_IMAGES, WEIGHED, Passes, QuickCuts
from lcsearch.compress.thinned import thin_trained
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.nets.channels import groups_of

PLAIN = ModelSpec("base", INFO.num_classes, INFO.in_channels, 0.25)
LAYERS: dict[str, LayerSpec] = {"features.4": LinearSpec(0.25), "features.8": SeparableSpec(1)}
CHANNELS = {"features.4": 0.5, "features.12": 0.25}
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
    """Thinned and compressed anew, nothing shared with another model."""
    model = whole
    if spec.channels:
        groups = groups_of(spec)
        model = thin_trained(whole, groups, groups.kept(spec.channels), given)
    if not spec.layers:
        return model
    few = given[:FIT_IMAGES]
    convs = {name: m for name, m in model.named_modules() if type(m) is nn.Conv2d}
    answers = responses.record(model, convs, few, WEIGHED)
    return compress_trained(model, spec.layers, few, answers=answers)


@pytest.mark.parametrize("first", SPECS)
def test_each_model_is_what_it_would_be_alone(whole: nn.Module, first: str) -> None:
    """Whatever was cut out before it."""
    before = {name: value.clone() for name, value in whole.state_dict().items()}
    cuts = QuickCuts(whole, {}, images(140), Passes())
    for name in (first, *SPECS):
        made, wanted = cuts.cut(SPECS[name]), slowly(whole, SPECS[name], images(140))
        assert made.state_dict().keys() == wanted.state_dict().keys()
        for key, value in wanted.state_dict().items():
            assert torch.allclose(made.state_dict()[key], value, rtol=1e-4, atol=1e-5), (name, key)
    assert all(torch.equal(whole.state_dict()[name], value) for name, value in before.items())


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
    assert first == (60, 60 + 2 * 2 * 10 + 10)  # see, weigh, thin, see, weigh, fit; two back; one beside
    assert (sum(through), passes.images) == (100, first[1] + 40 + 2 * 10 + 10)  # thin, see, weigh, fit


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

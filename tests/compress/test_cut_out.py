"""A model cut out of a trained net, against its pieces, and images that are normalised by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from bank_family import BankFamily, BankLayer, BankSpec
from plugin_files import installed
from torch import Tensor, nn

from lcsearch.compress import cut_out as module
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import cut_out, first_images
from lcsearch.compress.fit import How, compress_trained
from lcsearch.compress.thinned import Thinned, thin_trained
from lcsearch.core.spec import ModelSpec
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.channels import groups_of
from lcsearch.nets.surgery import build_model

INFO = DatasetInfo("drawn", 4, 2, 8, (0.5, 0.4), (0.25, 0.2), True, 2)
LAYERS = {"0": LinearSpec(0.5), "3": LinearSpec(0.25)}
SPEC = ModelSpec("drawn", 4, 2, layers=LAYERS)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip


@pytest.fixture(scope="module")
def data() -> SearchData:
    torch.manual_seed(1)
    images = torch.randint(0, 256, (600, 2, 8, 8), dtype=torch.uint8)
    few = Split(images[:9].flip(0), torch.zeros(9, dtype=torch.int64))
    return SearchData(INFO, Split(images, torch.randint(0, 4, (600,))), few)


def normalised(data: SearchData, count: int) -> Tensor:
    mean, std = (torch.tensor(numbers).view(-1, 1, 1) for numbers in (INFO.mean, INFO.std))
    return (data.train.images[:count] / 255 - mean) / std


def same(one: nn.Module, other: nn.Module) -> None:
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, value in other.state_dict().items():
        assert torch.allclose(one.state_dict()[name], value, rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("count", [1, 30, 700])
def test_first_images_are_normalised_and_in_order(data: SearchData, count: int) -> None:
    found, wanted = first_images(data, count), normalised(data, count)
    assert found.shape == (min(count, 600), 2, 8, 8) and torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("how", ["responses", "filters"])
def test_layers_and_then_statistics_are_fitted(data: SearchData, how: How) -> None:
    """256 images for layers, 512 for statistics."""
    made = cut_out(net(), SPEC, data, how=how)
    wanted = compress_trained(net(), LAYERS, normalised(data, 256), how=how)
    reestimate(wanted, normalised(data, 512))
    same(made, wanted)


def test_what_fitting_freed_is_given_back_before_statistics(
    data: SearchData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest maps of a net, of 512 images, come on top of what the process has kept."""
    done = []

    def watched(name: str) -> None:
        own = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, **more: (done.append(name), own(*args, **more))[1])

    for name in ("compress_trained", "give_freed_memory_back", "reestimate"):
        watched(name)
    cut_out(net(), SPEC, data)
    assert done == ["compress_trained", "give_freed_memory_back", "reestimate"]


def test_responses_are_fitted_to_unless_asked_otherwise(data: SearchData) -> None:
    made, wanted = cut_out(net(), SPEC, data), cut_out(net(), SPEC, data, how="responses")
    assert all(map(torch.equal, made.state_dict().values(), wanted.state_dict().values()))


def test_without_layers_it_is_the_net_itself(data: SearchData) -> None:
    model = net()
    assert cut_out(model, replace(SPEC, layers={}), data) is model


THIN = ModelSpec("base", 4, 2, 0.25, channels={"features.4": 0.5, "features.12": 0.25}, image_size=(8, 8))


def trained() -> nn.Module:
    torch.manual_seed(2)
    return build_model(replace(THIN, channels={}, image_size=None)).eval()


def test_channels_are_taken_out_first_and_statistics_fitted(data: SearchData) -> None:
    """512 images for channels, and for statistics."""
    groups = groups_of(THIN)
    made = cut_out(trained(), THIN, data)
    wanted = thin_trained(trained(), groups, groups.kept(THIN.channels), normalised(data, 512))
    reestimate(wanted, normalised(data, 512))
    same(made, wanted)
    build_model(THIN).load_state_dict(made.state_dict())


LAYER = replace(THIN, layers={"features.8": LinearSpec(0.25)})


def one_after_the_other(data: SearchData, how: Thinned = "solved") -> nn.Module:
    thinner = cut_out(trained(), THIN, data, thinned=how)
    made = compress_trained(thinner, LAYER.layers, normalised(data, 256))
    reestimate(made, normalised(data, 512))
    return made


@torch.no_grad()
def test_channels_and_layers_change_at_once_and_come_closer_to_the_net(data: SearchData) -> None:
    """A layer that answers what the thinned net's does repeats that one's errors."""
    at_once, net, x = cut_out(trained(), LAYER, data), trained(), normalised(data, 600)[512:]
    lost = [float((own(x) - net(x)).square().mean()) for own in (at_once, one_after_the_other(data))]
    assert lost[0] < 0.85 * lost[1]
    build_model(LAYER).load_state_dict(at_once.state_dict())


def test_channels_that_are_not_solved_go_before_layers_change(data: SearchData) -> None:
    same(cut_out(trained(), LAYER, data, thinned="magnitude"), one_after_the_other(data, "magnitude"))


def test_layers_that_share_tensors_change_after_channels_have_gone(
    data: SearchData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_random(family: BankFamily, layers: dict[str, BankLayer], targets: object) -> None:
        for layer in layers.values():
            nn.init.normal_(layer.mixing, generator=torch.Generator().manual_seed(0))

    monkeypatch.setattr(BankFamily, "fit_bundle", at_random)
    layers = dict.fromkeys(("features.4", "features.8"), BankSpec(2, "one"))
    with installed(tmp_path, "banks", "1.0", {"lcsearch.families": {"bank": "bank_family:FAMILY"}}, {}):
        spec = replace(THIN, channels={"features.12": 0.25}, layers=layers)
        made = cut_out(trained(), spec, data)
        thinner = cut_out(trained(), replace(spec, layers={}), data)
        wanted = compress_trained(thinner, layers, normalised(data, 256))
        reestimate(wanted, normalised(data, 512))
    same(made, wanted)


@pytest.mark.parametrize("how", ["magnitude", "magnitude_solved"])
def test_channels_are_taken_out_as_asked(data: SearchData, how: Thinned) -> None:
    one, other = cut_out(trained(), THIN, data, thinned=how), cut_out(trained(), THIN, data)
    assert not torch.equal(one.state_dict()["features.8.weight"], other.state_dict()["features.8.weight"])


def test_a_thinner_net_is_thinned_further(data: SearchData) -> None:
    """What stays are channels that its parent has; the parent's groups are smaller than the backbone's."""
    child = replace(THIN, channels={"features.4": 0.25, "features.8": 0.5, "features.12": 0.25})
    parent = cut_out(trained(), THIN, data)
    made = cut_out(parent, child, data, before=THIN.channels)
    build_model(child).load_state_dict(made.state_dict())
    filters, old = made.state_dict()["features.0.weight"], parent.state_dict()["features.0.weight"]
    assert torch.equal(filters, old)
    assert torch.equal(made.state_dict()["features.13.weight"], parent.state_dict()["features.13.weight"])


def test_a_net_of_the_same_channels_comes_back_as_it_is(data: SearchData) -> None:
    parent = build_model(THIN)
    assert cut_out(parent, THIN, data, before=THIN.channels) is parent


def test_channels_do_not_come_back(data: SearchData) -> None:
    more = replace(THIN, channels={"features.4": 0.75})
    with pytest.raises(ValueError, match=r"has 8 channels in 'features\.4', fewer than 12"):
        cut_out(build_model(THIN), more, data, before=THIN.channels)

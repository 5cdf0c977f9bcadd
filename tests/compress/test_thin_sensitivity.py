"""What groups of channels lose alone, against thinner nets that are made and run one by one."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lcsearch.compress import thin_sensitivity
from lcsearch.compress.fit import FIT_IMAGES
from lcsearch.compress.sensitivity import Sensitivity, measure
from lcsearch.compress.thin_sensitivity import ChannelRow, measure_channels
from lcsearch.compress.thinned import thin_trained
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.data import Batches, DatasetInfo, SearchData, Split
from lcsearch.nets import surgery
from lcsearch.nets.channels import ChannelGroups, find_groups

INFO = DatasetInfo("drawn", 10, 1, 8, (0.5,), (0.25,), False, 2)
COUNTS = {"features.8": [64, 16], "features.4": [32]}
TRIED = [("features.4", 32), ("features.8", 64), ("features.8", 16)]


def images(count: int) -> Split:
    return Split(torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8), torch.randint(0, 10, (count,)))


@pytest.fixture(scope="module")
def data() -> SearchData:
    torch.manual_seed(0)
    return SearchData(INFO, images(FIT_IMAGES + 80), images(90))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(1)
    return surgery.build_model(ModelSpec("base", 10, 1)).eval()


@pytest.fixture(scope="module")
def groups(net: nn.Module) -> ChannelGroups:
    return find_groups(net, (1, 8, 8))


def normalised(split: Split) -> torch.Tensor:
    return next(iter(Batches(split, INFO, len(split), augment=False).epoch()))[0]


def by_hand(net: nn.Module, groups: ChannelGroups, data: SearchData, name: str, kept: int) -> ChannelRow:
    """One group thinned by `thin_trained`, judged on the images that follow."""
    model = thin_trained(net, groups, {name: kept}, normalised(data.train)[:FIT_IMAGES])
    rest, labels = normalised(data.train)[FIT_IMAGES:], data.train.labels[FIT_IMAGES:]
    with torch.no_grad():
        scores, believed = model(rest), net(rest).softmax(1)
    params = sum(parameter.numel() for parameter in model.parameters())
    loss, hits = F.cross_entropy(scores, labels), (scores.argmax(1) == labels).float().mean()
    divergence = (believed * (believed.log() - scores.log_softmax(1))).sum(1).mean()
    return ChannelRow(
        name, kept, groups[name].size, params, float(loss), 100 * float(hits), float(divergence)
    )


@pytest.mark.slow
def test_rows_are_those_of_thinner_nets(net: nn.Module, groups: ChannelGroups, data: SearchData) -> None:
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    rows = measure_channels(net, groups, COUNTS, data)
    assert [(row.group, row.kept) for row in rows] == TRIED
    for row in rows:
        expected = by_hand(net, groups, data, row.group, row.kept)
        assert (row.size, row.params) == (expected.size, expected.params)
        assert row.loss == pytest.approx(expected.loss, rel=1e-4)
        assert row.accuracy == pytest.approx(expected.accuracy)
        assert row.divergence == pytest.approx(expected.divergence, rel=1e-3, abs=1e-6)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_losses_of_thinner_nets_are_measured_in_bfloat16_where_that_is_asked_for(
    net: nn.Module, groups: ChannelGroups, data: SearchData
) -> None:
    exact, rounded = (
        measure_channels(net, groups, COUNTS, data, precision=precision)
        for precision in ("float32", "bfloat16")
    )
    for one, other, (name, kept) in zip(exact, rounded, TRIED, strict=True):
        model = thin_trained(net, groups, {name: kept}, normalised(data.train)[:FIT_IMAGES])
        rest = normalised(data.train)[FIT_IMAGES:]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            scores, believed = model(rest).float(), net(rest).float().softmax(1)
        divergence = (believed * (believed.log() - scores.log_softmax(1))).sum(1).mean()
        assert other.divergence == pytest.approx(float(divergence), rel=0.03, abs=1e-5)
        assert other.divergence != one.divergence and other.params == one.params


def test_as_many_images_judge_as_the_work_allows(
    net: nn.Module, groups: ChannelGroups, data: SearchData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thin_sensitivity, "WORK", 0)
    said: list[str] = []
    (few,) = measure_channels(net, groups, {"features.8": [64]}, data, progress=said.append)
    monkeypatch.setattr(thin_sensitivity, "WORK", 1e12)
    (all_80,) = measure_channels(net, groups, {"features.8": [64]}, data)
    for row, images in ((few, 64), (all_80, 80)):
        hits = row.accuracy * images / 100
        assert hits == pytest.approx(round(hits), abs=1e-6)
    assert said == ["thinner layers: 0 of 1"]


def test_it_is_measured_and_kept_with_the_layers(
    net: nn.Module, groups: ChannelGroups, data: SearchData
) -> None:
    found = measure(net, (), data, groups=groups, counts={"features.8": [64]})
    assert [(row.group, row.kept) for row in found.channels] == [("features.8", 64)]
    plain = json.loads(json.dumps(found.to_plain()))
    assert Sensitivity.from_plain(plain) == found
    without = found.to_plain()
    del without["channels"]
    assert Sensitivity.from_plain(without).channels == (), "as older versions wrote it"
    assert "channels" not in measure(net, (), data).to_plain()


def test_an_unknown_group_is_named(net: nn.Module, groups: ChannelGroups, data: SearchData) -> None:
    with pytest.raises(InputError, match=r"'features\.9'.*did you mean 'features\.8'"):
        measure_channels(net, groups, {"features.9": [64]}, data)

"""What each layer loses alone, against a small net that is computed piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.compress import sensitivity
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import FIT_IMAGES, compress_trained
from lcsearch.compress.sensitivity import Row, Sensitivity, measure
from lcsearch.compress.thin_sensitivity import ChannelRow
from lcsearch.compress.variants import Part
from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers.families.linear import FAMILY, LinearFamily, LinearSpec
from lcsearch.layers.family import Way
from lcsearch.layers.linear_conv import LinearConv2d
from lcsearch.layers.shape import ConvShape

INFO = DatasetInfo("drawn", 4, 3, 8, (0.5, 0.4, 0.3), (0.25, 0.2, 0.3), False, 2)
WORK_OF = {"first": 3 * 9 * 8 * 36, "second": 8 * 9 * 8 * 16, "third": 8 * 6 * 16}
"""Multiply-accumulates of one image, by hand."""


class Net(nn.Module):
    """Batch norm behind the first convolution, a bias in the second, neither for the third."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.second, self.third = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 6, 1, bias=False)
        self.head = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        x = self.second(self.norm(self.first(images)).relu())
        return self.head(self.third(x.relu()).mean((2, 3)))  # type: ignore[no-any-return]


def drawn(count: int) -> Split:
    smooth = F.interpolate(torch.randn(count, 3, 3, 3), size=8, mode="bilinear")
    pixels = (smooth * 60 + 128).clamp(0, 255).to(torch.uint8)
    return Split(pixels, torch.randint(0, 4, (count,)))


def normalised(images: Tensor) -> Tensor:
    mean, std = (torch.tensor(numbers).view(-1, 1, 1) for numbers in (INFO.mean, INFO.std))
    return (images / 255 - mean) / std


def made_data(next_ones: int, validation: int = 70) -> SearchData:
    torch.manual_seed(3)
    return SearchData(INFO, drawn(FIT_IMAGES + next_ones), drawn(validation))


@pytest.fixture
def net() -> Net:
    torch.manual_seed(1)
    model = Net().eval()
    with torch.no_grad():
        model.head.weight.mul_(20)
    reestimate(model, normalised(drawn(64).images))
    return model


def ways(alphas: Sequence[float], ratios: Sequence[float] = ()) -> Callable[[ConvShape], Sequence[Way]]:
    return partial(FAMILY.ways_of, alphas=alphas, ratios=ratios)


def channels(values: Tensor) -> tuple[Any, Any]:
    array = values.double().numpy()
    return array.mean((0, 2, 3)), array.var((0, 2, 3), ddof=1)


def answers_by_hand(model: Net, name: str, filters: Tensor, fitted: Tensor, images: Tensor) -> Tensor:
    """What the net says with other filters in one place, their answers moved to the old ones' mean."""

    def before(x: Tensor) -> Tensor:
        if name != "first":
            x = model.norm(model.first(x)).relu()
        return model.second(x).relu() if name == "third" else x

    x, first = before(images), before(fitted[:64])
    output, few, old = F.conv2d(x, filters), F.conv2d(first, filters), model.get_submodule(name)(first)
    (mean, variance), (centre, spread) = channels(few), channels(old)
    if name == "third":
        return model.head(output.mean((2, 3)))
    factor = np.sqrt(spread / variance) if name == "first" else np.ones_like(mean)
    moved = output * torch.tensor(factor).float().view(-1, 1, 1)
    moved = moved + torch.tensor(centre - mean * factor).float().view(-1, 1, 1)
    if name == "first":
        moved = model.second(model.norm(moved).relu())
    return model.head(model.third(moved.relu()).mean((2, 3)))


def logs(scores: Tensor) -> Any:
    values = scores.detach().double().numpy()
    return values - np.log(np.exp(values).sum(1, keepdims=True))


@torch.no_grad()
def test_rows_are_what_the_pieces_give(net: Net) -> None:
    data = made_data(150)
    fitted, judged = normalised(data.train.images[:FIT_IMAGES]), normalised(data.train.images[FIT_IMAGES:])
    labels = data.train.labels[FIT_IMAGES:].numpy()
    found = measure(net, ["first", "second", "third"], data, ways=ways((0.5, 0.25), (0.5,)))
    plain, places = logs(net(judged)), np.arange(150)
    assert found.images == 150
    assert found.baseline_loss == pytest.approx(-plain[places, labels].mean(), rel=1e-5)
    assert found.baseline_accuracy == pytest.approx(100 * (plain.argmax(1) == labels).mean())
    order = [(row.layer, -row.way.params) for row in found.rows]
    assert order == sorted(order) and {row.layer for row in found.rows} == {"first", "second", "third"}
    for row in found.rows:
        made = compress_trained(net, {row.layer: row.way.spec}, fitted).get_submodule(row.layer)
        assert isinstance(made, LinearConv2d)
        own = logs(answers_by_hand(net, row.layer, made.to_conv().weight, fitted, judged))
        assert row.loss == pytest.approx(-own[places, labels].mean(), rel=1e-4)
        assert row.accuracy == pytest.approx(100 * (own.argmax(1) == labels).mean())
        divergence = (np.exp(plain) * (plain - own)).sum(1).mean()
        assert row.divergence == pytest.approx(divergence, rel=1e-3) and divergence > 1e-3


@pytest.mark.parametrize(
    ("allowed", "next_ones", "validation", "judged"),
    [(100.5, 120, 30, 100), (0, 120, 30, 64), (100.5, 80, 30, 80), (100.5, 64, 30, 64), (100.5, 63, 70, 70),
     (65.5, 63, 70, 65), (1e9, 1100, 5, 1000), (1001.5, 1100, 5, 1000)],
)  # fmt: skip
def test_as_many_images_judge_as_the_work_allows(
    net: Net, monkeypatch: pytest.MonkeyPatch, allowed: float, next_ones: int, validation: int, judged: int
) -> None:
    data, kinds = made_data(next_ones, validation), ways((0.5, 0.25))
    monkeypatch.setattr(sensitivity, "WORK", allowed * 2 * (WORK_OF["second"] + WORK_OF["third"]))
    monkeypatch.setattr(sensitivity, "GPU_WORK", 1.0)
    said: list[str] = []
    found = measure(net, ["second"], data, ways=kinds, progress=said.append)
    assert found.images == judged
    assert said == ["fitting each layer", "fitting layer 1 of 1"] + [
        f"2 compressed layers on image {first:,} of {judged:,}" for first in range(1, judged + 1, 64)
    ]
    split = data.train if next_ones >= 64 else data.validation
    start = FIT_IMAGES if next_ones >= 64 else 0
    here = slice(start, start + judged)
    with torch.no_grad():
        plain = logs(net(normalised(split.images[here])))
    assert found.baseline_loss == pytest.approx(
        -plain[np.arange(judged), split.labels[here].numpy()].mean(), rel=1e-5
    )


@torch.no_grad()
def test_a_layer_with_groups_and_one_way_to_compress_it() -> None:
    """Without a bias and batch norm it says what the net says whose one layer is compressed."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 3, groups=3, bias=False), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(12, 4)
    ).eval()
    data = made_data(70)
    (row,) = measure(model, ["0"], data, ways=ways((0.25,))).rows
    made = compress_trained(model, {"0": row.way.spec}, normalised(data.train.images[:FIT_IMAGES]))
    judged = normalised(data.train.images[FIT_IMAGES:])
    plain, own = logs(model(judged)), logs(made(judged))
    assert row.divergence == pytest.approx((np.exp(plain) * (plain - own)).sum(1).mean(), rel=1e-3)


class Twice(nn.Module):
    """Calls its convolution twice, and another one never."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.idle, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3), nn.Linear(3, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.conv(self.conv(images)).mean((2, 3)))  # type: ignore[no-any-return]


def test_convolutions_that_are_not_called_once_are_left_out() -> None:
    torch.manual_seed(0)
    found = measure(Twice(), ["conv", "idle"], made_data(1100), ways=ways((1 / 3,)))
    assert found.rows == () and found.images == 1000 and 0 < found.baseline_loss < 5


def test_wrong_names_and_weights_are_told_in_one_line(net: Net) -> None:
    with pytest.raises(InputError) as caught:
        measure(net, ["second", "norm"], made_data(70))
    assert str(caught.value) == "layers: the net has no convolution 'norm'"
    with torch.no_grad():
        net.second.bias[3] = float("inf")  # type: ignore[index]
    with pytest.raises(InputError) as caught:
        measure(net, ["first", "second"], made_data(70))
    assert str(caught.value) == "layers.second: the trained weights hold NaN or infinity"


def scaling(factors: Sequence[float], bias: float | None) -> nn.Conv2d:
    conv = nn.Conv2d(1, len(factors), 1, bias=bias is not None).requires_grad_(False)
    conv.weight.copy_(torch.tensor(factors).view(-1, 1, 1, 1))
    if conv.bias is not None:
        conv.bias.fill_(bias or 0.0)
    return conv


def test_a_spread_is_matched_within_bounds() -> None:
    """At most a hundredfold; a channel that says nothing is moved to the mean."""
    x = torch.randn(50, 1, 2, 2)
    played = Part(scaling([0.5, 1e-3, 0.0], None))  # type: ignore[arg-type]
    plain = torch.cat([2 * x + 1, -x + 2, 3 * x + 4], 1)
    played.match(x, plain, normalised=True)
    found = played(x)
    moved = x - x.mean()
    assert torch.allclose(found[:, :1], plain[:, :1], atol=1e-5)
    assert torch.allclose(found[:, 1:2], 0.1 * moved + plain[:, 1].mean(), atol=1e-5)
    assert torch.allclose(found[:, 2], plain[:, 2].mean().expand_as(found[:, 2]), atol=1e-5)


@pytest.mark.parametrize("bias", [0.5, None])
def test_a_mean_alone_is_matched_where_there_is_a_bias(bias: float | None) -> None:
    x = torch.randn(50, 1, 2, 2) + 3
    played, plain = Part(scaling([0.5, 2.0], bias)), torch.cat([x, x - 7], 1)  # type: ignore[arg-type]
    played.match(x, plain, normalised=False)
    found, wanted = played(x), torch.cat([0.5 * x, 2.0 * x], 1)
    if bias is not None:
        wanted = wanted + (plain - wanted).mean((0, 2, 3), keepdim=True)
    assert torch.allclose(found, wanted, atol=1e-5)


def test_a_file_says_all_of_a_row() -> None:
    (way,) = FAMILY.ways_of(ConvShape(8, 8, (3, 3)), (0.25,))
    row = Row("a.b", way, 1.5, 62.5, 0.25)
    own = {"family": "linear", "alpha": 0.25, "rank": None, "ratio": None, "params": way.params}
    plain = {"layer": "a.b", **own, "loss": 1.5, "accuracy": 62.5, "divergence": 0.25}
    assert row.to_plain() == plain and Row.from_plain(plain) == row
    assert Row.from_plain({key: value for key, value in plain.items() if key != "family"}) == row
    whole = {"baseline_loss": 1.25, "baseline_accuracy": 75.0, "images": 80, "rows": [plain]}
    found = Sensitivity(1.25, 75.0, 80, (row,))
    assert found.to_plain() == whole and Sensitivity.from_plain(whole) == found
    thin = {
        "group": "first",
        "kept": 2,
        "size": 8,
        "params": 90,
        "loss": 1.5,
        "accuracy": 60.0,
        "divergence": 0.2,
    }
    with_channels = replace(found, channels=(ChannelRow(*thin.values()),))  # type: ignore[arg-type]
    assert with_channels.to_plain() == whole | {"channels": [thin]}
    assert Sensitivity.from_plain(with_channels.to_plain()) == with_channels
    for missing in [*plain.keys() - {"family"}]:
        with pytest.raises(KeyError, match=missing):
            Row.from_plain({key: value for key, value in plain.items() if key != missing})
    for missing in whole:
        with pytest.raises(KeyError, match=missing):
            Sensitivity.from_plain({key: value for key, value in whole.items() if key != missing})


class Other(LinearFamily):
    """Shows which numbers it is given."""

    name = "other"

    def read_way(self, numbers: Any, params: int) -> Way:
        return Way(LinearSpec(0.5), params, numbers, "", ())


def test_a_family_gets_its_own_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    families = {"other": Other(), "linear": FAMILY}
    monkeypatch.setattr(plugins, "find", lambda group, name: families[name])
    measured = {"loss": 1.0, "accuracy": 2.0, "divergence": 3.0}
    plain = {"layer": "a", "family": "other", "params": 7, "size": 3, "shape": "round", **measured}
    row = Row.from_plain(plain)
    assert (row.layer, row.loss, row.accuracy, row.divergence) == ("a", 1.0, 2.0, 3.0)
    assert (row.way.params, row.way.numbers) == (7, {"size": 3, "shape": "round"})

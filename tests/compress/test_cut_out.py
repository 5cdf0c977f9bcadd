"""A model cut out of a trained net, against its pieces, and images that are normalised by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import cut_out, first_images
from lcsearch.compress.fit import How, compress_trained
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers.families.linear import LinearSpec

INFO = DatasetInfo("drawn", 4, 2, 8, (0.5, 0.4), (0.25, 0.2), True, 2)
LAYERS = {"0": LinearSpec(0.5), "3": LinearSpec(0.25)}


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


@pytest.mark.parametrize("count", [1, 30, 700])
def test_first_images_are_normalised_and_in_order(data: SearchData, count: int) -> None:
    found, wanted = first_images(data, count), normalised(data, count)
    assert found.shape == (min(count, 600), 2, 8, 8) and torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("how", ["responses", "filters"])
def test_layers_and_then_statistics_are_fitted(data: SearchData, how: How) -> None:
    """256 images for layers, 512 for statistics."""
    made = cut_out(net(), LAYERS, data, how=how)
    wanted = compress_trained(net(), LAYERS, normalised(data, 256), how=how)
    reestimate(wanted, normalised(data, 512))
    assert made.state_dict().keys() == wanted.state_dict().keys()
    for name, value in wanted.state_dict().items():
        assert torch.allclose(made.state_dict()[name], value, rtol=1e-4, atol=1e-5), name


def test_responses_are_fitted_to_unless_asked_otherwise(data: SearchData) -> None:
    made, wanted = cut_out(net(), LAYERS, data), cut_out(net(), LAYERS, data, how="responses")
    assert all(map(torch.equal, made.state_dict().values(), wanted.state_dict().values()))


def test_without_layers_it_is_the_net_itself(data: SearchData) -> None:
    model = net()
    assert cut_out(model, {}, data) is model

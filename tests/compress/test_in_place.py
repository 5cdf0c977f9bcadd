"""Nets that work on their input in place get what they would get if they did not, and alter no image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import cut_out
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.sensitivity import measure
from lcsearch.core.spec import ModelSpec
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.export import latency
from lcsearch.layers.families.linear import LinearSpec

LAYERS = {"late": LinearSpec(alpha=0.25)}


class Scales(nn.Module):
    """Stretches its input before anything else, in place or not."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place
        self.early, self.late = nn.Conv2d(1, 6, 3), nn.Conv2d(6, 8, 3)
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.mul_(3).add_(0.5) if self.in_place else x.mul(3).add(0.5)
        x = self.early(x).relu_()
        scores: Tensor = self.head(self.norm(self.late(x)).mean((2, 3)))
        return scores


def nets() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    one, other = Scales(in_place=True), Scales(in_place=False)
    other.load_state_dict(one.state_dict())
    return one.eval(), other.eval()


def images(count: int = 40) -> Tensor:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("how", ["responses", "filters"])
def test_a_fit_is_the_same(how: str) -> None:
    given = images()
    one, other = (compress_trained(net, LAYERS, given, how=how) for net in nets())  # type: ignore[arg-type]
    assert torch.equal(given, images())
    assert same(one, other)


def test_batch_norm_is_the_same() -> None:
    given, (one, other) = images(), nets()
    reestimate(one, given)
    reestimate(other, given)
    assert torch.equal(given, images()) and same(one, other)
    assert not torch.equal(one.norm.running_mean, torch.zeros(8))  # type: ignore[arg-type]


def test_how_much_channels_matter_is_the_same() -> None:
    weights = [responses.importance(net, {"late": net.late}, images())["late"] for net in nets()]  # type: ignore[dict-item]
    assert torch.equal(*weights) and float(weights[0].std()) > 0


def test_a_whole_cut_out_and_the_sensitivity_are_the_same() -> None:
    split = Split(
        torch.randint(256, (400, 1, 8, 8), generator=torch.Generator().manual_seed(2)).byte(),
        torch.arange(400) % 3,
    )
    data = SearchData(DatasetInfo("noise", 3, 1, 8, (0.5,), (0.3,), False, 0), split, split)
    one, other = (cut_out(net, ModelSpec("scales", 3, 1, layers=LAYERS), data) for net in nets())
    assert same(one, other)
    first, second = (measure(net, ["late"], data) for net in nets())
    assert first == second and len(first.rows) > 1


def test_latency_is_measured_on_the_same_image_each_time() -> None:
    seen = []

    def adds(image: Tensor) -> Tensor:
        seen.append(float(image.sum()))
        return image.add_(1)

    latency.measure([adds], (1, 2, 2))
    assert set(seen) == {0.0}

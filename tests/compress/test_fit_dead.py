"""Layers that answer the same whatever they are shown are fitted to their filters, and nothing fails."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress.closeness import closeness_of
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.responses import Response, draw_places, record, sample
from lcsearch.compress.sensitivity import measure
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery

KINDS = {
    "full": LinearSpec(alpha=0.25),
    "low_rank": LinearSpec(alpha=0.5, rank=2),
    "sparse": LinearSpec(alpha=0.5, sparsity=0.5),
}


class Shut(nn.Module):
    """A second path that a gate keeps shut: what its convolution gets is ``level`` everywhere."""

    def __init__(self, level: float, bias: bool = True, norm: bool = False, groups: int = 1) -> None:
        super().__init__()
        self.level = level
        self.open = nn.Conv2d(1, 8, 3)
        self.shut = nn.Conv2d(8, 16, 3, bias=bias, groups=groups)
        self.norm = nn.BatchNorm2d(16) if norm else nn.Identity()
        self.wide = nn.Conv2d(8, 16, 3)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.open(x).relu()
        both = self.wide(x) + self.norm(self.shut(torch.full_like(x, self.level)))
        scores: Tensor = self.head(both.relu().mean((2, 3)))
        return scores


def images(count: int = 32) -> Tensor:
    return torch.randn(count, 1, 9, 9, generator=torch.Generator().manual_seed(3))


def net(level: float, **options: int) -> Shut:
    torch.manual_seed(4)
    return Shut(level, **options).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.0, 0.7])
@pytest.mark.parametrize("options", [{}, {"norm": 1, "bias": 0}, {"groups": 2}], ids=str)
def test_a_layer_without_a_say_is_fitted_to_its_filters(
    level: float, options: dict[str, int], kind: str
) -> None:
    trained = net(level, **options)
    both = compress_trained(trained, {"shut": KINDS[kind], "wide": KINDS[kind]}, images())
    own = surgery.compress(net(level, **options), {"shut": KINDS[kind]})
    assert torch.equal(both.shut.primary, own.shut.primary)  # type: ignore[union-attr]
    assert all(bool(tensor.isfinite().all()) for tensor in both.state_dict().values())
    assert float((both(images()) - trained(images())).abs().max()) < 1


def test_a_layer_that_its_compressed_predecessor_silences_is_fitted_to_its_filters() -> None:
    net = nn.Sequential(nn.Conv2d(1, 8, 3, bias=False), nn.ReLU(), nn.Conv2d(8, 16, 3))
    response = record(net, {"last": net[2]}, images())["last"]  # type: ignore[dict-item]
    silent = torch.zeros(32, 8, 7, 7)
    with torch.no_grad():
        filters, closeness = closeness_of(net[2], response, silent, net[2](silent))  # type: ignore[arg-type]
    flat = net[2].weight.detach().double().flatten(1)  # type: ignore[union-attr, operator]
    assert torch.equal(filters.flatten(1), flat)
    gram = closeness.vectors @ closeness.values.diag() @ closeness.vectors.T
    assert torch.allclose(gram, flat @ flat.T)


def test_rounding_is_not_taken_for_something_said() -> None:
    """Answers of 1000 that differ by float32's rounding decide nothing; such of 0.001 around 0 do."""
    conv = nn.Conv2d(2, 6, 1)
    noise = torch.randn(32, 6, 5, 5, generator=torch.Generator().manual_seed(5))
    flat = conv.weight.detach().double().flatten(1)

    def by_number(output: Tensor) -> bool:
        places = draw_places(output.shape, output.device)
        mean, weight = output.mean((0, 2, 3)), torch.ones(6).double()
        response = Response(output.shape, places, sample(output, places), mean, weight=weight)
        _, closeness = closeness_of(conv, response, None)
        gram = closeness.vectors @ closeness.values.diag() @ closeness.vectors.T
        return torch.allclose(gram, flat @ flat.T)

    assert by_number(1000 * (1 + 1e-7 * noise))
    assert not by_number(0.001 * noise)


@pytest.mark.parametrize("kind", KINDS)
def test_filters_that_are_zero_stay_so(kind: str) -> None:
    trained = net(0.0)
    nn.init.zeros_(trained.wide.weight)
    made = compress_trained(trained, {"wide": KINDS[kind]}, images())
    assert float(made.wide.filters().abs().max()) == 0  # type: ignore[union-attr, operator]
    assert torch.allclose(made(images()), trained(images()), atol=1e-6)


def test_its_sensitivity_is_measured() -> None:
    pixels = torch.randint(256, (400, 1, 9, 9), generator=torch.Generator().manual_seed(6)).byte()
    split = Split(pixels, torch.arange(400) % 3)
    data = SearchData(DatasetInfo("noise", 3, 1, 9, (0.5,), (0.3,), False, 0), split, split)
    found = measure(net(0.0), ["shut", "wide"], data)
    assert {row.layer for row in found.rows} == {"shut", "wide"}
    assert max(row.divergence for row in found.rows if row.layer == "shut") < 1e-6

"""Layers that the family ``linear`` makes of convolutions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lcsearch.layers import LinearConv2d
from lcsearch.layers.closeness import Closeness, Target
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.shape import ConvShape

CONV = nn.Conv2d(8, 16, (3, 1), 2, (1, 0), (2, 1), 2, False, "circular", dtype=torch.float64)


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        (LinearSpec(0.25), LinearSpec(0.25)),
        (LinearSpec(0.25, rank=3), LinearSpec(0.25, rank=3)),
        (LinearSpec(0.25, rank=10), LinearSpec(0.25, rank=4)),
        (LinearSpec(0.25, sparsity=0.5), LinearSpec(0.25, sparsity=0.5)),
        (LinearSpec(1.0, rank=3), LinearSpec(1.0)),
    ],
)
def test_fresh_layers_are_what_is_asked_for(spec: LinearSpec, made: LinearSpec) -> None:
    layer = FAMILY.fresh(CONV, spec)
    assert layer.geometry == Geometry.of(CONV)
    assert FAMILY.spec_of(layer) == made
    assert (layer.primary.dtype, layer.primary.device.type) == (torch.float64, "cpu")
    empty = FAMILY.fresh(nn.Conv2d(8, 16, 3, device="meta"), spec)
    assert (empty.primary.dtype, empty.primary.device.type) == (torch.float32, "meta")


def test_a_fit_uses_the_measure_of_its_target() -> None:
    torch.manual_seed(0)
    filters = torch.randn(8, 2, 1, 3, dtype=torch.float64)
    root = torch.randn(6, 6, dtype=torch.float64) * torch.logspace(0, -2, 6)
    rows = filters.flatten(1) @ root
    layer = LinearConv2d(2, 8, (1, 3), bias=False, dtype=torch.float64, alpha=0.25)
    FAMILY.fit(layer, Target(filters, Closeness.of(rows @ rows.T)))
    left = (layer.to_conv().weight.detach() - filters).flatten(1) @ root
    least = np.linalg.svd(rows.numpy(), compute_uv=False)[2:]
    assert float(left.square().sum()) == pytest.approx(float((least**2).sum()))


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_regularization_is_the_correlation_of_primary_filters(reduction: str) -> None:
    torch.manual_seed(0)
    layers = [LinearConv2d(3, 16, 3, alpha=0.5), LinearConv2d(3, 16, 3, alpha=0.25)]

    def loss(primary: Tensor) -> float:
        off = np.abs(np.corrcoef(primary.detach().flatten(1).numpy()) - np.eye(len(primary)))
        return float(off.sum() if reduction == "sum" else off.sum() / (off.size - len(off)))

    found = FAMILY.regularization(layers, reduction)  # type: ignore[arg-type]
    assert found is not None
    assert float(found.detach()) == pytest.approx(sum(loss(layer.primary) for layer in layers), rel=1e-4)


def test_the_offer_is_for_the_group_and_its_layers() -> None:
    shapes = {"first": ConvShape(8, 16, (3, 3)), "second": ConvShape(16, 16, (3, 3))}
    rule = FAMILY.rule(coefficients=["full", "sparse"])
    offer = FAMILY.offer(rule, "block", shapes)
    assert (offer.group, offer.members) == ("block", ("first", "second"))
    names = [parameter.name for parameter in offer.parameters]
    assert names == ["block/alpha", "block/coefficients", "block/sparsity"]
    assert offer.at_share(0.5, shapes) == {"first": LinearSpec(0.5), "second": LinearSpec(0.5)}
    (near,) = offer.near(LinearSpec(0.5), shapes["first"])
    assert offer.layers(near, shapes)["first"] == LinearSpec(0.5)


def test_other_layers_are_none_of_its_own() -> None:
    with pytest.raises(AssertionError):
        FAMILY.spec_of(nn.Identity())  # type: ignore[arg-type]

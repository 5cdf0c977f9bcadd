"""The numbers of a layer: what they are, what they make, and what of them is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.layers import LinearConv2d
from lcsearch.layers.cost import Plan
from lcsearch.layers.shape import ConvShape, Size

KINDS: list[dict[str, Any]] = [{}, {"rank": 2}, {"rank_ratio": 0.5}, {"sparsity": 0.4}]


def layer(**options: Any) -> LinearConv2d:
    torch.manual_seed(0)
    made = LinearConv2d(4, 24, (3, 2), **{"alpha": 0.5, "groups": 2, "dtype": torch.float64} | options)
    made.prune(1.0)
    return made


def matrices(of: LinearConv2d) -> list[np.ndarray]:
    """A of each bank."""
    if of.rank is None:
        assert of.coefficients is not None
        kept = np.ones(of.coefficients.shape) if of.mask is None else of.mask.numpy()
        return np.split(of.coefficients.detach().numpy() * kept, of.banks)
    assert of.column is not None and of.row is not None
    columns, rows = (np.split(part.detach().numpy(), of.banks) for part in (of.column, of.row))
    return [column @ row for column, row in zip(columns, rows, strict=True)]


def placed(rows: np.ndarray, of: LinearConv2d) -> np.ndarray:
    found = np.empty_like(rows)
    for place, row in zip(of.order.tolist(), rows, strict=True):
        found[place] = row
    return found


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("per_group", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
def test_filters_are_primaries_and_their_combinations(
    kind: dict[str, Any], per_group: bool, ordered: bool
) -> None:
    one = layer(per_group=per_group, **kind)
    if ordered:
        one.set_order(torch.randperm(24))
    if one.coefficients is not None:
        nn.init.normal_(one.coefficients)  # those that are pruned, too
    own = matrices(one)
    primaries = np.split(one.primary.detach().numpy(), one.banks)
    made = [np.concatenate([v, np.tensordot(a, v, 1)]) for a, v in zip(own, primaries, strict=True)]
    mixed = [np.concatenate([np.eye(a.shape[1]), a]) for a in own]
    np.testing.assert_allclose(one.filters().detach().numpy(), placed(np.concatenate(made), one), atol=1e-12)
    np.testing.assert_allclose(one.mixer().detach().numpy(), placed(np.concatenate(mixed), one), atol=1e-12)
    expected = np.stack(own) if per_group else own[0]
    np.testing.assert_allclose(one.matrices().detach().numpy(), expected, atol=1e-12)
    assert one.permuted is ordered


@pytest.mark.parametrize(
    ("options", "shapes"),
    [
        ({}, {"primary": (12, 2, 3, 2), "coefficients": (12, 12), "bias": (24,)}),
        ({"bias": False, "rank": 3}, {"primary": (12, 2, 3, 2), "column": (12, 3), "row": (3, 12)}),
        ({"per_group": True, "bias": False}, {"primary": (12, 2, 3, 2), "coefficients": (12, 6)}),
        ({"per_group": True, "bias": False, "rank": 3},
         {"primary": (12, 2, 3, 2), "column": (12, 3), "row": (6, 6)}),
        ({"groups": 1, "bias": False, "alpha": 0.25, "sparsity": 0.5},
         {"primary": (6, 4, 3, 2), "coefficients": (18, 6), "mask": (18, 6)}),
        ({"per_group": True, "bias": False, "sparsity": 0.5},
         {"primary": (12, 2, 3, 2), "coefficients": (12, 6), "mask": (12, 6)}),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("place", [{"device": "meta"}, {"dtype": torch.float32}, {}])
def test_what_a_layer_holds(
    options: dict[str, Any], shapes: dict[str, tuple[int, ...]], place: dict[str, Any]
) -> None:
    one = LinearConv2d(4, 24, (3, 2), **{"alpha": 0.5, "groups": 2, "dtype": torch.float64} | options | place)
    state = one.state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == shapes | {"order": (24,)}
    assert {value.device.type for value in state.values()} == {place.get("device", "cpu")}
    types = {name: place.get("dtype", torch.float64) for name in shapes}
    assert {name: value.dtype for name, value in state.items()} == types | {"order": torch.int64} | (
        {"mask": torch.bool} if "mask" in shapes else {}
    )


def test_arguments_can_be_asked_for() -> None:
    one = LinearConv2d(4, 24, (3, 2), (2, 1), (1, 0), (1, 2), 2, False, "reflect", alpha=0.5, sparsity=0.5)
    assert (one.in_channels, one.out_channels, one.kernel_size, one.stride) == (4, 24, (3, 2), (2, 1))
    assert (one.padding, one.dilation, one.groups, one.padding_mode) == ((1, 0), (1, 2), 2, "reflect")
    assert (one.alpha, one.sparsity, one.rank, one.per_group, one.bias) == (0.5, 0.5, None, False, None)
    assert one.shape == ConvShape(4, 24, (3, 2), 2, bias=False)
    assert layer(rank_ratio=0.5).rank == 6
    assert layer(per_group=True, rank_ratio=0.5).rank == 3


@pytest.mark.parametrize("per_group", [False, True])
def test_coefficients_that_will_be_zero_are_not_stored(per_group: bool) -> None:
    # 12 * 12 coefficients, or 6 * 6 for each of two groups.
    one = LinearConv2d(4, 24, 3, groups=2, alpha=0.5, sparsity=0.7, per_group=per_group)
    zeros = 50 if per_group else 101
    assert one.unstored(set(one.parameters())) == Size(trainable=zeros, stored=zeros)
    assert one.unstored({one.primary}) == Size(0, 0)
    one.prune(1.0)
    assert one.mask is not None and int((~one.mask).sum()) == zeros
    full = layer()
    assert full.unstored(set(full.parameters())) == Size(0, 0)


def test_what_is_pruned_and_what_decays() -> None:
    full, low, sparse = layer(), layer(rank=2), layer(sparsity=0.5)
    assert [one.prunable() for one in (full, low, sparse)] == [[], [], [sparse.coefficients]]
    assert full.undecayed() == [full.coefficients] and low.undecayed() == [low.column, low.row]
    assert [one.masks() for one in (full, low, sparse)] == [{}, {}, {"coefficients": "mask"}]
    assert {name: value.tolist() for name, value in full.implied().items()} == {"order": list(range(24))}


def test_loading_brings_the_order_and_prunes_anew() -> None:
    one, fresh = layer(sparsity=0.5), LinearConv2d(4, 24, (3, 2), alpha=0.5, groups=2, sparsity=0.5)
    fresh.set_order(torch.arange(24).flip(0))
    one.load_state_dict(fresh.state_dict())
    assert one.permuted and one.mask is not None and bool(one.mask.all())
    np.testing.assert_allclose(one.filters().detach(), fresh.filters().detach(), atol=1e-6)
    one.prune(1.0)
    assert int((~one.mask).sum()) == 72
    one.load_state_dict(layer(sparsity=0.5).state_dict())
    assert not one.permuted


def test_filters_keep_their_type() -> None:
    one = layer(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        cast = one.filters()
    assert cast.dtype == torch.float32
    torch.testing.assert_close(cast, one.filters(), rtol=0.05, atol=0.05)
    half = layer(dtype=torch.float16)
    assert half.filters().dtype == half.mixer().dtype == torch.float16


def test_its_sizes_decide_its_cost() -> None:
    assert layer(alpha=0.25).plan == Plan(p=6, s=18, depth=2, window=6, groups=2, banks=1)
    assert layer(alpha=0.25, per_group=True).plan == Plan(p=6, s=18, depth=2, window=6, groups=2, banks=2)


def test_coefficients_are_of_one_kind() -> None:
    with pytest.raises(ValueError, match=r"sparsity=0\.5 must be None where rank=2"):
        layer(rank=2, sparsity=0.5)

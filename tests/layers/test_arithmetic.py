from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcsearch.layers import LinearConv2d, arithmetic
from lcsearch.layers.arithmetic import (
    checked_rank,
    coefficient_count,
    kept,
    max_useful_rank,
    resolve_rank,
    split,
)
from lcsearch.layers.families import conv
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.shape import ConvShape


def params(shape: ConvShape, spec: LinearSpec) -> int:
    return FAMILY.size(shape, spec).stored


shapes = st.builds(
    lambda groups, i, o, k, bias: ConvShape(groups * i, groups * o, k, groups, bias),
    st.integers(1, 4),
    st.integers(1, 24),
    st.integers(1, 40),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.booleans(),
)
alphas = st.floats(1 / 64, 1.0)
specs = st.one_of(
    st.builds(LinearSpec, alphas),
    st.builds(LinearSpec, alphas, st.integers(1, 30)),
    st.builds(LinearSpec, alphas, st.none(), st.floats(0.0, 0.99)),
)


@pytest.mark.parametrize(
    ("out", "alpha", "expected"),
    [(64, 0.5, (32, 32)), (64, 1 / 64, (1, 63)), (10, 0.01, (1, 9)), (1, 0.5, (1, 0)), (7, 1.0, (7, 0))],
)
def test_split_by_hand(out: int, alpha: float, expected: tuple[int, int]) -> None:
    assert split(out, alpha) == expected


def test_published_layer_of_vgg11_by_hand() -> None:
    # 512 filters of 512 * 9 numbers at alpha 1/2: 256 * 4608 + 256 * 256 + 512.
    shape = ConvShape(512, 512, (3, 3))
    assert params(shape, LinearSpec(0.5)) == 1_245_696
    assert params(shape, LinearSpec(0.5, rank=10)) == 1_185_280
    assert conv.FAMILY.size(shape, ConvSpec()).stored == 2_359_808


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_max_useful_rank_by_brute_force(p: int, s: int) -> None:
    useful = [r for r in range(1, min(p, s) + 1) if r * (p + s) < p * s]
    assert max_useful_rank(p, s) == max(useful, default=0)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.fractions(0, Fraction(99, 100)))
def test_kept_is_exact_to_one_coefficient(p: int, s: int, sparsity: Fraction) -> None:
    assert abs(kept(p, s, float(sparsity)) - (1 - sparsity) * p * s) <= 1
    assert kept(p, s, float(sparsity)) >= 1


@settings(deadline=None)
@given(shapes, specs)
def test_params_are_those_of_the_layer(shape: ConvShape, spec: LinearSpec) -> None:
    p, s = split(shape.out_channels, spec.alpha)
    rank = None if spec.rank is None or not s else min(spec.rank, p, s)
    layer = LinearConv2d(
        shape.in_channels, shape.out_channels, shape.kernel, groups=shape.groups, bias=shape.bias,
        alpha=spec.alpha, rank=rank, sparsity=spec.sparsity, device="meta",
    )  # fmt: skip
    stored = sum(parameter.numel() for parameter in layer.parameters())
    pruned = 0 if spec.sparsity is None or not s else s * p - kept(p, s, spec.sparsity)
    assert params(shape, spec) == stored - pruned


@settings(deadline=None)
@given(shapes, specs)
def test_canonical_keeps_the_layer_and_is_its_own_canonical(shape: ConvShape, spec: LinearSpec) -> None:
    chosen = FAMILY.canonical(shape, spec)
    saves = params(shape, spec) < shape.params
    assert (chosen is not None) == saves
    if chosen is not None:
        assert params(shape, chosen) == params(shape, spec)
        assert split(shape.out_channels, chosen.alpha) == split(shape.out_channels, spec.alpha)
        assert FAMILY.canonical(shape, chosen) == chosen


def test_specs_of_one_layer_have_one_canonical() -> None:
    shape = ConvShape(64, 64, (3, 3))
    assert FAMILY.canonical(shape, LinearSpec(0.501)) == FAMILY.canonical(shape, LinearSpec(0.499))
    assert FAMILY.canonical(shape, LinearSpec(0.25, rank=99)) == LinearSpec(0.25, rank=16)
    assert FAMILY.canonical(shape, LinearSpec(0.25, sparsity=0.0)) == LinearSpec(0.25)
    assert FAMILY.canonical(shape, LinearSpec(1.0)) is None
    assert FAMILY.canonical(ConvShape(1, 8, (1, 1)), LinearSpec(0.5)) is None


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"alpha": 0.0}, "alpha=0.0"),
        ({"alpha": 1.5}, "alpha=1.5"),
        ({"alpha": math.nan}, "alpha=nan"),
        ({"alpha": 0.5, "rank": 0}, "rank=0"),
        ({"alpha": 0.5, "sparsity": 1.0}, "sparsity=1.0"),
        ({"alpha": 0.5, "sparsity": -0.1}, "sparsity=-0.1"),
        ({"alpha": 0.5, "sparsity": 0.5, "rank": 2}, "exclude"),
    ],
)
def test_values_out_of_range_are_named(values: dict[str, float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        params(ConvShape(8, 16, (3, 3)), LinearSpec(**values))  # type: ignore[arg-type]


def test_feature_macs_by_hand() -> None:
    # Two groups of 8 inputs; all 4 primaries run on both, then 16 outputs mix 4 each.
    assert arithmetic.feature_macs(ConvShape(16, 16, (3, 3), 2), 4) == 2 * 4 * 72 + 16 * 4
    assert ConvShape(16, 16, (3, 3), 2).macs == 16 * 72


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((8, 40, 5, None), 5),
        ((8, 40, 1, None), 1),
        ((8, 40, 9, None), 8),
        ((40, 8, 9, None), 8),
        ((8, 40, None, 0.5), 4),
        ((8, 40, None, 0.99), 7),
        ((8, 40, None, 1.0), 8),
        ((40, 8, None, 1.0), 8),
        ((8, 40, None, 0.01), 1),
    ],
)
def test_ranks_by_hand(asked: tuple[int, int, int | None, float | None], expected: int) -> None:
    assert resolve_rank(*asked) == expected
    assert checked_rank(*asked[:2], min(expected, asked[2]) if asked[2] else None, asked[3], None) == expected


def test_without_secondary_filters_there_is_no_rank() -> None:
    assert checked_rank(8, 0, 3, None, None) is None
    assert checked_rank(8, 0, None, 0.5, None) is None
    assert checked_rank(8, 8, None, None, 0.5) is None


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((8, 8, None, None), "give one of rank=None and rank_ratio=None"),
        ((8, 8, 2, 0.5), "give one of rank=2 and rank_ratio=0.5"),
        ((8, 8, None, 0.0), "rank_ratio=0.0 must be in (0, 1]"),
        ((8, 8, None, 1.5), "rank_ratio=1.5 must be in (0, 1]"),
        ((8, 8, 0, None), "rank=0 must be at least 1"),
    ],
)
def test_ranks_out_of_range(asked: tuple[int, int, int | None, float | None], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        resolve_rank(*asked)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((8, 24, 9, None, None), "rank=9 must be in 1..8 for 8 primary and 24 secondary filters"),
        ((8, 24, 2, None, 0.5), "sparsity=0.5 must be None where rank=2 or rank_ratio=None"),
        ((8, 24, None, 0.5, 0.0), "sparsity=0.0 must be None where rank=None or rank_ratio=0.5"),
        ((8, 0, 0, None, None), "rank=0 must be at least 1"),
    ],
)
def test_ranks_that_a_layer_cannot_have(asked: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        checked_rank(*asked)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((8, 24, None, None), 192),
        ((8, 24, 3, None), 96),
        ((8, 24, 99, None), 256),
        ((8, 24, None, 0.0), 192),
        ((8, 24, None, 0.5), 96),
        ((8, 24, None, 0.999), 1),
        ((8, 0, None, 0.5), 0),
    ],
)
def test_coefficients_by_hand(asked: tuple[int, int, int | None, float | None], expected: int) -> None:
    assert coefficient_count(*asked) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: split(8, 0.0), "alpha=0.0 must be in (0, 1]"),
        (lambda: kept(8, 8, 1.0), "sparsity=1.0 must be in [0, 1)"),
        (lambda: coefficient_count(8, 8, 2, 0.5), "rank=2 and sparsity=0.5 exclude each other"),
    ],
)
def test_messages_say_what_is_allowed(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message

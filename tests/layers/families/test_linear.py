"""What the family ``linear`` says of itself, in words and numbers."""

from __future__ import annotations

import math

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.strict import validate
from lcsearch.layers import lookup
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.shape import ConvShape


def test_words() -> None:
    assert lookup.family_of(ConvSpec()).words(ConvSpec()) == "plain"
    assert FAMILY.words(LinearSpec(0.25, rank=10)) == "alpha 1/4, rank 10"
    assert FAMILY.words(LinearSpec(0.4, sparsity=0.75)) == "alpha 0.4, 75% of coefficients zero"


def test_cells() -> None:
    specs = [LinearSpec(0.25), LinearSpec(0.25, rank=4), LinearSpec(0.3, sparsity=0.5), LinearSpec(1.0)]
    cells = [FAMILY.cells(FAMILY.numbers(spec)) for spec in specs]
    assert cells == [("1/4", "full"), ("1/4", "rank 4"), ("0.3", "50% zero"), ("", "plain")]


def test_coordinates_rise_with_what_a_layer_keeps() -> None:
    assert FAMILY.coordinates(LinearSpec(0.25, rank=8)) == (-2.0, 3.0, 1.0)
    assert FAMILY.coordinates(LinearSpec(0.5, sparsity=0.75))[2] == 0.25
    kept = [FAMILY.coordinates(LinearSpec(0.5, rank=r)) for r in (1, 2, 64)]
    assert kept == sorted(kept) and math.isclose(kept[2][1], 6.0)
    assert FAMILY.coordinates(None) > FAMILY.coordinates(LinearSpec(0.99, rank=512))


def test_ways_are_canonical_and_save() -> None:
    shape = ConvShape(64, 128, (3, 3))
    ways = FAMILY.ways(shape)
    assert len({way.spec for way in ways}) == len(ways) > 6
    assert [way.params for way in ways] == sorted((way.params for way in ways), reverse=True)
    for way in ways:
        assert FAMILY.canonical(shape, way.spec) == way.spec  # type: ignore[arg-type]
        assert FAMILY.read_way(way.numbers, way.params) == way
        # By hand: 64 * 9 numbers a filter, 128 biases.
        p = round(way.numbers["alpha"] * 128)  # type: ignore[operator]
        rank = way.numbers["rank"]
        made = (128 - p) * p if rank is None else rank * 128
        assert way.params == 576 * p + made + 128 < 576 * 128 + 128


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"alpha": 0}, "a: alpha: 0 is not allowed; it must be above 0"),
        ({"alpha": "1/2"}, "a: alpha: '1/2' is not a number"),
        ({"alfa": 0.5}, "a: alfa: unknown key; did you mean 'alpha'?"),
        ({"rank": 2.5}, "a: rank: 2.5 is not a whole number"),
        ({"sparsity": math.nan}, "a: sparsity: nan is not a finite number"),
    ],
)
def test_fields_out_of_range_are_named(plain: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(LinearSpec, plain, "a")
    assert str(caught.value) == message


def test_a_dear_rank_is_told() -> None:
    shape = ConvShape(64, 64, (3, 3))
    assert FAMILY.waste(shape, LinearSpec(0.25, rank=12)) == "rank 12"  # 12 * 64 = 16 * 48
    assert FAMILY.waste(shape, LinearSpec(0.25, rank=11)) is None

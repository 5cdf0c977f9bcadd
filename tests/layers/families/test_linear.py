"""What the family ``linear`` says of itself, in words and numbers."""

from __future__ import annotations

import math

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.core.strict import validate
from lcsearch.layers import lookup
from lcsearch.layers.families.conv import ConvSpec
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.shape import ConvShape, Places, Size


def test_words() -> None:
    assert lookup.family_of(ConvSpec()).words(ConvSpec()) == "plain"
    assert FAMILY.words(LinearSpec(0.25, rank=10)) == "alpha 1/4, rank 10"
    assert FAMILY.words(LinearSpec(0.4, sparsity=0.75)) == "alpha 0.4, 75% of coefficients zero"
    assert FAMILY.words(LinearSpec(0.4)) == "alpha 0.4"
    assert FAMILY.short(LinearSpec(0.25, rank=10)) == "1/4"
    assert FAMILY.share_words(0.125) == "alpha 1/8"


def test_cells() -> None:
    specs = [LinearSpec(0.25), LinearSpec(0.25, rank=4), LinearSpec(0.3, sparsity=0.5), LinearSpec(1.0)]
    cells = [FAMILY.cells(FAMILY.numbers(spec)) for spec in specs]
    assert cells == [("1/4", "full"), ("1/4", "rank 4"), ("0.3", "50% zero"), ("", "plain")]


def test_coordinates_rise_with_what_a_layer_keeps() -> None:
    assert FAMILY.coordinates(LinearSpec(0.25, rank=8)) == (-2.0, 3.0, 1.0)
    assert FAMILY.coordinates(LinearSpec(0.5, sparsity=0.75))[2] == 0.25
    kept = [FAMILY.coordinates(LinearSpec(0.5, rank=r)) for r in (1, 2, 64)]
    assert kept == sorted(kept) and math.isclose(kept[2][1], 6.0)
    assert FAMILY.coordinates(None) == (0.0, 12.0, 1.0) > FAMILY.coordinates(LinearSpec(0.99, rank=512))


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


def test_one_kind_of_coefficients() -> None:
    def read(**layer: object) -> LayerSpec:
        layers = {"a": {"family": "linear"} | layer}
        plain = {"backbone": "b", "num_classes": 2, "in_channels": 1, "layers": layers}
        return validate(ModelSpec, plain, "config").layers["a"]

    assert read(alpha=0.5, rank=2, sparsity=None) == LinearSpec(0.5, rank=2)
    assert read(alpha=0.5, rank=None, sparsity=0.5) == LinearSpec(0.5, sparsity=0.5)
    with pytest.raises(InputError) as caught:
        read(alpha=0.5, rank=2, sparsity=0.5)
    assert str(caught.value).endswith("rank and sparsity exclude each other; write one of them")


def test_a_dear_rank_is_told() -> None:
    shape = ConvShape(64, 64, (3, 3))
    assert FAMILY.waste(shape, LinearSpec(0.25, rank=12)) == "rank 12"  # 12 * 64 = 16 * 48
    assert FAMILY.waste(shape, LinearSpec(0.25, rank=11)) is None
    assert FAMILY.waste(shape, LinearSpec(0.25)) is None


def test_canonical_numbers_are_rounded() -> None:
    assert FAMILY.canonical(ConvShape(4, 6, (3, 3)), LinearSpec(0.3)) == LinearSpec(0.333333)
    assert FAMILY.canonical(ConvShape(4, 6, (3, 3)), LinearSpec(0.5, sparsity=0.36)) == LinearSpec(
        0.5, sparsity=0.333333333
    )


def test_as_many_coefficients_as_numbers_of_the_filters_save_nothing() -> None:
    # Half of 8 filters of 4 numbers, made of 4 others: 4 * 4 coefficients in place of 4 * 4 numbers.
    assert FAMILY.canonical(ConvShape(4, 8, (1, 1)), LinearSpec(0.5)) is None
    assert FAMILY.canonical(ConvShape(5, 8, (1, 1)), LinearSpec(0.5)) == LinearSpec(0.5)


@pytest.mark.parametrize(
    ("spec", "stored", "macs"),
    [
        (LinearSpec(0.25), 4 * 72 + 12 * 4 + 16, 4 * 72 + 16 * 4),
        (LinearSpec(0.25, rank=2), 4 * 72 + 2 * 16 + 16, 4 * 72 + 16 * 4),
        (LinearSpec(0.25, sparsity=0.5), 4 * 72 + 24 + 16, 4 * 72 + 16 * 4),
        (LinearSpec(1.0, rank=2), 16 * 72 + 16, 16 * 72),
        (LinearSpec(1.0, sparsity=0.5), 16 * 72 + 16, 16 * 72),
    ],
)
def test_sizes_by_hand(spec: LinearSpec, stored: int, macs: int) -> None:
    shape = ConvShape(8, 16, (3, 3))
    assert FAMILY.size(shape, spec) == Size(trainable=stored, stored=stored)
    assert FAMILY.macs(shape, spec, Places(7, 5)) == 5 * macs


def test_ways_by_hand() -> None:
    # Rank 4 of 8 + 8 filters would store as much as all coefficients, rank 2 of 4 + 12 less.
    ways = FAMILY.ways_of(ConvShape(16, 16, (3, 3)), [1.0, 0.25, 0.5, 0.26], [0.5, 0.51])
    assert [(way.spec, way.params, way.label, way.order) for way in ways] == [
        (LinearSpec(0.5), 8 * 144 + 64 + 16, "1/2", (-0.5, -math.inf)),
        (LinearSpec(0.25), 4 * 144 + 48 + 16, "1/4", (-0.25, -math.inf)),
        (LinearSpec(0.25, rank=2), 4 * 144 + 32 + 16, "1/4, rank 1/2 p", (-0.25, -0.5)),
    ]
    assert [way.numbers for way in ways][1:] == [
        {"alpha": 0.25, "rank": None, "ratio": None},
        {"alpha": 0.25, "rank": 2, "ratio": 0.5},
    ]


def test_labels_gather_about_equal_alphas() -> None:
    found = [FAMILY.read_way({"alpha": alpha, "rank": None, "ratio": None}, 5) for alpha in (0.28, 0.3, 0.33)]
    assert [way.label for way in found] == ["0.3", "0.3", "0.35"]
    assert [way.order[0] for way in found] == pytest.approx([-(2**-1.75), -(2**-1.75), -(2**-1.5)])
    assert [way.params for way in found] == [5, 5, 5]


@pytest.mark.parametrize(
    "numbers", [{"alpha": None, "rank": None, "ratio": None}, {"rank": 2, "ratio": 0.5}, {"alpha": 0.5}]
)
def test_numbers_of_no_way_are_refused(numbers: dict[str, float | None]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        FAMILY.read_way(numbers, 5)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (LinearSpec(1.0), (1.0, 1.0, 1.0)),
        (LinearSpec(1.0, rank=1), (1.0, 1.0, 1.0)),
        (LinearSpec(0.26), (0.25, 1.0, 1.0)),
        (LinearSpec(0.25, rank=2), (0.25, 0.5, 1.0)),
        (LinearSpec(0.75, rank=2), (0.75, 0.5, 1.0)),
        (LinearSpec(1 / 16, rank=1), (1 / 16, 1.0, 1.0)),
        (LinearSpec(0.25, sparsity=0.75), (0.25, 1.0, 0.25)),
        (LinearSpec(0.25, sparsity=0.9999), (0.25, 1.0, 0.001)),
    ],
)
def test_descriptions_are_logarithms_of_what_is_kept(
    spec: LinearSpec, expected: tuple[float, float, float]
) -> None:
    found = FAMILY.describe(ConvShape(8, 16, (3, 3)), spec)
    assert [math.exp(value) for value in found] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"alpha": 0.25}, LinearSpec(0.25)),
        ({"alpha": 0.25, "rank": 3}, LinearSpec(0.25, rank=3)),
        ({"alpha": 0.25, "rank": 9}, LinearSpec(0.25, rank=4)),
        ({"alpha": 0.25, "rank_ratio": 0.5}, LinearSpec(0.25, rank=2)),
        ({"alpha": 0.25, "sparsity": 0.5}, LinearSpec(0.25, sparsity=0.5)),
        ({"alpha": 1.0, "rank": 3}, LinearSpec(1.0)),
        ({"alpha": 1.0, "sparsity": 0.5}, LinearSpec(1.0)),
    ],
    ids=str,
)
def test_one_choice_for_all_layers_is_cut_to_each(numbers: dict[str, float], expected: LinearSpec) -> None:
    given = dict.fromkeys(("rank", "rank_ratio", "sparsity")) | numbers
    assert FAMILY.chosen(ConvShape(8, 16, (3, 3)), given) == expected
    assert FAMILY.chosen(ConvShape(8, 16, (3, 3)), numbers) == expected

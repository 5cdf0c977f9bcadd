"""The family `basis`: its contract, and its numbers against counts made in another way."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import PydanticCustomError
from torch import nn

from lcsearch.layers.families.basis import FAMILY, BasisSpec
from lcsearch.layers.shape import ConvShape, Places, Size
from lcsearch.testing import check_family

SPECS = [
    BasisSpec(1),
    BasisSpec(6),
    BasisSpec(3, train_basis=True),
    BasisSpec(2, bank_seed=0),
    BasisSpec(9, bank_seed=7),
]
RULES: list[dict[str, Any]] = [
    {"filters": 0.3},
    {"filters": {"low": 0.1, "high": 0.6}, "bank": ["random", "fitted"]},
    {"bank": ["fitted", "random", "trained"], "bank_seed": 5},
]


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    check_family(FAMILY, specs=SPECS, rules=[FAMILY.rule.model_validate(rule) for rule in RULES])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("spec", "bank", "norm"),
    [
        (BasisSpec(4), "stored", 0),
        (BasisSpec(4, bank_seed=2), "free", 0),
        (BasisSpec(4, train_basis=True), "trainable", 2 * 4),
    ],
)
def test_it_stores_what_its_definition_names(spec: BasisSpec, bank: str, norm: int, bias: bool) -> None:
    shape = ConvShape(8, 16, (3, 5), bias=bias)
    mixing, filters, biases = 16 * 4, 4 * 8 * 3 * 5, 16 * bias
    trainable = mixing + norm + biases + (filters if bank == "trainable" else 0)
    stored = trainable + (filters if bank == "stored" else 0)
    assert FAMILY.size(shape, spec) == Size(trainable=trainable, stored=stored)
    layer = FAMILY.fresh(nn.Conv2d(8, 16, (3, 5), bias=bias), spec)
    assert sum(parameter.numel() for parameter in layer.parameters()) == trainable


@pytest.mark.parametrize(
    ("shape", "spec", "saves"),
    [
        (ConvShape(8, 16, (3, 3)), BasisSpec(13), True),  # 13 * (72 + 16) = 1144 of 1152
        (ConvShape(8, 16, (3, 3)), BasisSpec(14), False),  # 1232
        (ConvShape(8, 16, (3, 3)), BasisSpec(12, train_basis=True), True),  # 1056 + 24
        (ConvShape(8, 16, (3, 3)), BasisSpec(13, train_basis=True), False),  # 1144 + 26
        (ConvShape(8, 16, (3, 3)), BasisSpec(16, bank_seed=0), True),  # 16 * 16 of 1152
        (ConvShape(1, 16, (3, 3)), BasisSpec(8, bank_seed=0), True),  # 8 * 16 of 9 * 16
        (ConvShape(1, 16, (3, 3)), BasisSpec(9, bank_seed=0), False),
        (ConvShape(1, 16, (3, 3)), BasisSpec(6), False),  # 6 * (9 + 16) = 150 of 144
    ],
)
def test_it_is_plain_where_it_stores_no_less(shape: ConvShape, spec: BasisSpec, saves: bool) -> None:
    assert FAMILY.canonical(shape, spec) == (spec if saves else None)


def test_macs_are_those_of_the_cheaper_form() -> None:
    shape, places = ConvShape(8, 16, (3, 3)), Places(given=100, made=25)
    for extra in ({}, {"bank_seed": 1}, {"train_basis": True}):
        assert FAMILY.macs(shape, BasisSpec(4, **extra), places) == 25 * (4 * 72 + 16 * 4)
        assert FAMILY.macs(shape, BasisSpec(16, **extra), places) == 25 * 16 * 72


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (ConvShape(8, 16, (3, 3), groups=2), "it has 2 groups"),
        (ConvShape(8, 8, (3, 3), groups=8), "it is depthwise"),
        (ConvShape(8, 16, (1, 1)), "its kernel is 1x1"),
    ],
)
def test_what_cannot_be_of_a_basis_is_refused(shape: ConvShape, why: str) -> None:
    assert FAMILY.refuses(shape) == why
    for ask in (FAMILY.canonical, FAMILY.size):
        with pytest.raises(ValueError, match=f"^cannot be of a basis: {why}; what fits is"):
            ask(shape, BasisSpec(2))


@pytest.mark.parametrize(
    ("plain", "complaint"),
    [
        ({}, "is missing"),
        ({"filters": 0}, "0 is not allowed; it must be at least 1"),
        ({"filters": 2.5}, "2.5 is not a whole number"),
        ({"filters": 2, "bank_seed": -1}, "-1 is not allowed; it must be at least 0"),
        ({"filters": 2, "train_basis": 1}, "1 is not true or false"),
        ({"filters": 2, "train_basis": True, "bank_seed": 3},
         "a bank that trains has no bank_seed; leave out one of them"),
        ({"filters": 2, "banks": 1}, "unknown key; did you mean 'bank_seed'?"),
    ],
)  # fmt: skip
def test_what_a_config_may_not_say(plain: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        FAMILY.read(plain)
    assert str(caught.value) == complaint


def test_words() -> None:
    assert FAMILY.words(BasisSpec(1)) == "basis of 1 filter"
    assert FAMILY.words(BasisSpec(32, bank_seed=5)) == "basis of 32 random filters"
    assert FAMILY.words(BasisSpec(32, train_basis=True)) == "basis of 32 trained filters"
    assert FAMILY.cells(FAMILY.numbers(BasisSpec(32))) == ("32 filters", "fitted")
    assert FAMILY.cells(FAMILY.numbers(BasisSpec(1, bank_seed=0))) == ("1 filter", "random")
    assert FAMILY.cells(FAMILY.numbers(BasisSpec(2, train_basis=True))) == ("2 filters", "trained")

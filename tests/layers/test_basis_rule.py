"""What a space may say about basis layers, and what of it people are shown."""

from __future__ import annotations

from typing import Any

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.ranges import Share
from lcsearch.core.strict import validate
from lcsearch.layers.basis_rule import BasisRule


def rule(**own: Any) -> BasisRule:
    return validate(BasisRule, own, "space")


def test_left_out_banks_are_fitted_or_random_where_models_train_from_scratch() -> None:
    assert rule().filters == Share(low=0.015625, high=1.0, log=True)
    assert rule().banks == ["fitted"] and rule().from_scratch().banks == ["random"]
    assert rule(bank="trained").from_scratch().banks == ["trained"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"filters": 0}, "filters: 0.0 is not allowed; it must be in (0, 1]"),
        ({"filters": {"low": 0.5, "high": 3}}, "filters.high: 3.0 is not allowed; it must be in (0, 1]"),
        ({"energy": 1.2}, "energy: 1.2 is not allowed; it must be in (0, 1]"),
        ({"energy": 0}, "energy: 0.0 is not allowed; it must be in (0, 1]"),
        ({"energy": 0.5, "filters": 0.5}, "energy: excludes filters; leave out one of them"),
        ({"bank": ["learned"]}, "bank[0]: 'learned' is not allowed; "),
        ({"bank_seed": -1}, "bank_seed: -1 is not allowed; it must be at least 0"),
        ({"banks": "random"}, "banks: unknown key; did you mean 'bank'"),
    ],
    ids=str,
)
def test_mistakes_are_named(own: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        rule(**own)
    assert str(caught.value).startswith(f"space: {message}")


@pytest.mark.parametrize(
    ("own", "names"),
    [
        ({}, ["filters"]),
        ({"bank_seed": 3}, ["filters"]),
        ({"energy": 0.9}, ["energy"]),
        ({"bank": "random", "bank_seed": 3}, ["filters", "bank", "bank_seed"]),
        ({"bank": ["random", "fitted"]}, ["filters", "bank"]),
    ],
    ids=str,
)
def test_what_matters_is_shown(own: dict[str, Any], names: list[str]) -> None:
    assert rule(**own).shown() == {name: getattr(rule(**own), name) for name in names}


def test_an_energy_is_written_without_the_filters_that_it_replaces() -> None:
    plain = rule(energy={"low": 0.5, "high": 0.9}).model_dump(exclude_none=True)
    assert "filters" not in plain and rule(**plain) == rule(energy={"low": 0.5, "high": 0.9})
    assert "energy" not in rule().model_dump(exclude_none=True)

"""A trial that answers from given values, then from numbers in [0, 1)."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest

from lcsearch.search.samplers._draw import Draw, at_unit, holds, unit_of


@pytest.mark.parametrize(
    "distribution",
    [
        optuna.distributions.FloatDistribution(0.01, 1.0, log=True),
        optuna.distributions.FloatDistribution(-1.0, 3.0),
        optuna.distributions.FloatDistribution(0.0, 1.0, step=0.25),
        optuna.distributions.IntDistribution(1, 64, log=True),
        optuna.distributions.IntDistribution(2, 9),
        optuna.distributions.CategoricalDistribution(("a", "b", "c")),
    ],
)
def test_units_go_there_and_back(distribution):
    for unit in np.linspace(0, 1, 23):
        value = at_unit(distribution, float(unit))
        assert holds(distribution, value)
        assert at_unit(distribution, unit_of(distribution, value)) == pytest.approx(value)
    assert at_unit(distribution, -1.0) == at_unit(distribution, 0.0)
    assert at_unit(distribution, 2.0) == at_unit(distribution, 1.0)


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (optuna.distributions.FloatDistribution(0.01, 1.0, log=True), {0.0: 0.01, 0.5: 0.1, 1.0: 1.0}),
        (optuna.distributions.FloatDistribution(-1.0, 3.0), {0.0: -1.0, 0.25: 0.0, 1.0: 3.0}),
        (optuna.distributions.FloatDistribution(1.0, 2.0, step=0.25), {0.1: 1.0, 0.5: 1.5, 0.9: 2.0}),
        (optuna.distributions.IntDistribution(2, 9), {0.0: 2, 0.2: 3, 0.5: 6, 0.95: 9, 1.0: 9}),
        (optuna.distributions.IntDistribution(2, 8, step=3), {0.0: 2, 0.5: 5, 0.9: 8}),
        (optuna.distributions.IntDistribution(1, 64, log=True), {0.0: 1, 0.1: 1, 0.5: 6, 1.0: 64}),
        (optuna.distributions.CategoricalDistribution(("a", "b", "c")), {0.3: "a", 0.5: "b", 1.0: "c"}),
    ],
    ids=str,
)
def test_a_share_of_a_range(distribution, values):
    assert [at_unit(distribution, unit) for unit in values] == pytest.approx(list(values.values()))


def test_where_in_a_range_a_value_lies():
    floats, choices = optuna.distributions.FloatDistribution, optuna.distributions.CategoricalDistribution
    assert unit_of(floats(-1.0, 3.0), 2.0) == 0.75
    assert unit_of(floats(0.01, 1.0, log=True), 0.1) == pytest.approx(0.5)
    assert unit_of(floats(2.0, 2.0), 2.0) == 0.5
    assert unit_of(optuna.distributions.IntDistribution(1, 4), 4) == 0.875
    assert unit_of(choices(("a", "b")), "b") == 0.75


def test_a_draw_answers_from_what_is_given_then_from_units():
    asked = []

    def unit(name, distribution):
        asked.append((name, distribution))
        return 0.0

    draw = Draw({"a": 0.5, "b": 7.0, "c": "x"}, unit)
    assert draw.suggest_float("a", 0.25, 1.0, step=0.25) == 0.5
    assert draw.suggest_float("b", 0.1, 1.0, log=True) == pytest.approx(0.1)  # 7 is out of its range
    assert draw.suggest_categorical("c", ("w", "x")) == "x"
    assert draw.suggest_int("d", 2, 5) == 2
    assert draw.suggest_int("e", 3, 9, step=2) == 3
    assert draw.suggest_int("f", 1, 9, log=True) == 1
    assert draw.suggest_int("d", 2, 5) == 2
    assert draw.params == {"a": 0.5, "b": pytest.approx(0.1), "c": "x", "d": 2, "e": 3, "f": 1}
    distributions = optuna.distributions
    assert draw.distributions == {
        "a": distributions.FloatDistribution(0.25, 1.0, step=0.25),
        "b": distributions.FloatDistribution(0.1, 1.0, log=True),
        "c": distributions.CategoricalDistribution(("w", "x")),
        "d": distributions.IntDistribution(2, 5),
        "e": distributions.IntDistribution(3, 9, step=2),
        "f": distributions.IntDistribution(1, 9, log=True),
    }
    assert asked == [(name, draw.distributions[name]) for name in "bdef"]


@pytest.mark.parametrize(
    ("distribution", "inside", "outside"),
    [
        (optuna.distributions.FloatDistribution(0.5, 2.0), [0.5, 1, 2.0], [0.49, 2.01, math.nan, "1", True]),
        (optuna.distributions.FloatDistribution(0.1, 1.0, step=0.3), [0.1, 0.7, 1.0], [0.2, 1.3]),
        (optuna.distributions.IntDistribution(2, 8, step=3), [2, 5, 8, 5.0], [1, 3, 4, 11, 5.5, False, None]),
        (optuna.distributions.CategoricalDistribution(("a", "b")), ["a", "b"], ["c", 0]),
    ],
    ids=["float", "steps", "whole", "choice"],
)
def test_a_range_holds_what_optuna_takes_for_it(distribution, inside, outside):
    for value in inside:
        optuna.trial.create_trial(value=0.0, params={"x": value}, distributions={"x": distribution})
    assert [holds(distribution, value) for value in inside] == [True] * len(inside)
    assert [holds(distribution, value) for value in outside] == [False] * len(outside)

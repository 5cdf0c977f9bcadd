"""Points of one Sobol sequence, whatever a trial is asked for."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from scipy.stats.qmc import Sobol
from spaces import bind_tiny

from lcsearch.runs.optuna_private import note
from lcsearch.search.samplers.qmc import make

SPACE: Any = bind_tiny({"*": {}})


def new_study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study()


def point(study: optuna.Study, seed: int, names: str) -> list[float]:
    """What one trial answers for these names, each between 0 and 1."""
    study.sampler = make(seed, SPACE)
    trial = study.ask()
    found = [trial.suggest_float(name, 0.0, 1.0) for name in names]
    study.tell(trial, 0.0)
    return found


def rotated(found: list[list[float]]) -> list[list[float]]:
    """Each coordinate less that of the first trial, whose point of the sequence is 0."""
    return [[(x - first) % 1.0 for x, first in zip(one, found[0], strict=True)] for one in found]


def test_trials_are_points_of_the_sequence_each_coordinate_turned() -> None:
    study = new_study()
    found = [point(study, seed, "abc") for seed in range(16)]
    points = Sobol(64, scramble=False).random(16)[:, :3]
    for one, expected in zip(rotated(found), points, strict=True):
        assert one == pytest.approx(list(expected), abs=1e-6)
    assert all(0 <= x < 1 for one in found for x in one)
    assert len({round(x, 6) for x in found[0]}) == 3, "each coordinate is turned by its own"


def test_a_parameter_keeps_its_dimension_whatever_else_is_asked() -> None:
    asked, other = new_study(), new_study()
    whole = [point(asked, 5, "abc") for _ in range(8)]
    parts = [point(other, 5, "abc" if n == 0 else "c" if n % 2 else "ba") for n in range(8)]
    for n in range(1, 8):
        assert parts[n] == ([whole[n][2]] if n % 2 else [whole[n][1], whole[n][0]])


def test_the_first_seed_turns_all_trials() -> None:
    first, again, other = new_study(), new_study(), new_study()
    one = [point(first, seed, "ab") for seed in (7, 1, 2)]
    assert [point(again, seed, "ab") for seed in (7, 3, 4)] == one
    assert [point(other, seed, "ab") for seed in (8, 1, 2)] != one
    noted = new_study()
    note(noted, "qmc:rotation", 7)
    assert [point(noted, seed, "ab") for seed in (0, 1, 2)] == one


def test_many_dimensions_do_not_change_the_first() -> None:
    names = [chr(300 + n) for n in range(150)]
    study, few = new_study(), new_study()
    for _ in range(3):
        found = point(study, 0, "".join(names))
        assert found[:2] == point(few, 0, "".join(names[:2]))
        assert len({round(x, 9) for x in found}) == 150


def test_whole_numbers_and_words_are_answered_on_their_own_scale() -> None:
    study = new_study()
    counts, words, logs = list[int](), list[str](), list[float]()
    for _ in range(64):
        study.sampler = make(0, SPACE)
        trial = study.ask()
        counts.append(trial.suggest_int("n", 1, 4))
        words.append(trial.suggest_categorical("w", ("a", "b")))
        logs.append(math.log10(trial.suggest_float("x", 0.01, 1.0, log=True)))
        study.tell(trial, 0.0)
    assert all(14 <= counts.count(n) <= 18 for n in (1, 2, 3, 4))
    assert 31 <= words.count("a") <= 33
    assert sum(-2 <= x < -1 for x in logs) == pytest.approx(32, abs=1)

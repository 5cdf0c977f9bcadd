"""Numbers and choices that are asked for, and a trial that answers with given values."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lcsearch.core.parameters import Choice, NotInSpace, Number, Replay
from lcsearch.core.ranges import FloatRange, IntRange

LR = Number("lr", FloatRange(low=0.01, high=1.0, log=True))
WIDTH = Number("width", FloatRange(low=0.5, high=2.0))
RANK = Number("rank", IntRange(low=1, high=64, log=True))
EPOCHS = Number("epochs", IntRange(low=2, high=5))
KIND = Choice("kind", ("full", "low_rank"))


def test_a_trial_is_asked_within_the_range_and_on_its_scale() -> None:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).ask()
    values = [number.suggest(trial) for number in (LR, WIDTH, RANK, EPOCHS)]
    assert trial.distributions == {
        "lr": FloatDistribution(0.01, 1.0, log=True),
        "width": FloatDistribution(0.5, 2.0),
        "rank": IntDistribution(1, 64, log=True),
        "epochs": IntDistribution(2, 5),
    }
    assert (
        list(trial.params.values()) == values and [type(value) for value in values] == [float] * 2 + [int] * 2
    )
    assert KIND.suggest(trial) == trial.params["kind"]
    assert trial.distributions["kind"] == CategoricalDistribution(("full", "low_rank"))


def test_what_leaves_no_choice_is_not_asked_for() -> None:
    nobody: Any = None
    one, word = Number("lr", FloatRange(low=0.1, high=0.1)), Choice("kind", ("full",))
    assert (one.searched, one.suggest(nobody)) == (False, 0.1)
    assert (word.searched, word.suggest(nobody)) == (False, "full")
    assert Number("rank", IntRange(low=3, high=3)).suggest(nobody) == 3
    assert LR.searched and RANK.searched and KIND.searched


@pytest.mark.parametrize(
    ("value", "nearest"), [(0.1, 0.5), (0.5, 0.5), (0.75, 0.75), (1.5, 1.5), (2.0, 2.0), (3.0, 2.0)]
)
def test_the_nearest_allowed_value(value: float, nearest: float) -> None:
    assert WIDTH.clip(value) == nearest


def test_a_replay_answers_and_remembers() -> None:
    replay = Replay({"lr": 1, "rank": 64, "kind": "full", "step": 3, "half": 0.5, "flag": None, "other": 7})
    assert LR.suggest(replay) == 1.0 and isinstance(LR.suggest(replay), float)
    assert RANK.suggest(replay) == 64 and KIND.suggest(replay) == "full"
    assert replay.suggest_int("step", 1, 9, step=2) == 3
    assert replay.suggest_float("half", 0.0, 1.0, step=0.25) == 0.5
    assert replay.suggest_categorical("flag", [None, 3]) is None
    assert replay.params == {"lr": 1, "rank": 64, "kind": "full", "step": 3, "half": 0.5, "flag": None}
    assert replay.distributions == {
        "lr": FloatDistribution(0.01, 1.0, log=True),
        "rank": IntDistribution(1, 64, log=True),
        "kind": CategoricalDistribution(("full", "low_rank")),
        "step": IntDistribution(1, 9, step=2),
        "half": FloatDistribution(0.0, 1.0, step=0.25),
        "flag": CategoricalDistribution((None, 3)),
    }


def test_a_replay_asks_on_a_linear_scale_in_steps_of_one() -> None:
    """As Optuna's own trial does where nothing is said."""
    trial, replay = optuna.create_study().ask(), Replay({"a": 2, "b": 2})
    for asked in (trial, replay):
        asked.suggest_int("a", 1, 3)
        asked.suggest_float("b", 1, 3)
    assert replay.distributions == trial.distributions


@pytest.mark.parametrize("end", [0.5, 2.0])
def test_the_ends_are_in_the_space(end: float) -> None:
    assert WIDTH.suggest(Replay({"width": end})) == end


@pytest.mark.parametrize("value", [0.49, 2.01, float("nan"), float("inf"), -float("inf"), "1", None, [1]])
def test_a_value_outside_is_refused(value: Any) -> None:
    replay = Replay({"width": value})
    with pytest.raises(NotInSpace) as caught:
        WIDTH.suggest(replay)
    assert str(caught.value).startswith(f"width: {value!r} is not in FloatDistribution(")
    assert replay.params == {} == replay.distributions


def test_what_is_not_given_is_named() -> None:
    for asked in (WIDTH, EPOCHS, KIND):
        with pytest.raises(NotInSpace) as caught:
            asked.suggest(Replay({}))
        assert str(caught.value) == asked.name
    with pytest.raises(NotInSpace, match=r"^kind: 'sparse' is not in CategoricalDistribution\("):
        KIND.suggest(Replay({"kind": "sparse"}))

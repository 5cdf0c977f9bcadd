from __future__ import annotations

from pathlib import Path

import pytest

from lcsearch.core.config import Source
from lcsearch.core.errors import InputError
from lcsearch.core.records import LayerCount, RunRecord, TrialRecord
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.runs.choose import choose, front_of, source_of

SPEC = TrialSpec(ModelSpec("base", 10, 1))


def trial(number, accuracy, params, state="complete", **more):
    origin = "baseline" if number == 0 else "sampler"
    return TrialRecord(number, state, origin, f"t{number}", SPEC, params, 0, accuracy=accuracy, **more)


TRIALS = [
    trial(0, 93.0, 1_000_000),
    trial(1, 92.8, 300_000),
    trial(2, 92.5, 100_000),
    trial(3, 90.0, 50_000),
    trial(4, 92.0, 200_000),  # dominated by 2
    trial(5, None, 60_000, state="pruned"),
    trial(6, 92.5, 100_000, duplicate_of=2),
]


def pick(**way):
    return choose(TRIALS, TRIALS[0], **way)


def test_why_says_what_models_are_judged_by():
    ways = {"max_params": 100_000}, {"max_drop": 0.5}, {"knee": True}
    whys = [pick(**way, metric="macro F1").why for way in ways]
    assert whys[0] == "the best by macro F1 with at most 100k parameters"
    assert all("macro F1" in why and "accura" not in why for why in whys)
    with pytest.raises(InputError, match=r"the best by macro F1 is trial 0"):
        pick(max_drop=-3, metric="macro F1")


def test_front_leaves_out_what_is_not_complete_dominated_or_a_duplicate():
    assert [t.number for t in front_of(TRIALS)] == [3, 2, 1, 0]


def test_max_params_takes_the_most_accurate_that_fits():
    choice = pick(max_params=100_000)
    assert (choice.trial.number, choice.smaller.number, choice.larger.number) == (2, 3, 1)
    assert "at most 100k parameters" in choice.why
    assert pick(max_params=99_999).trial.number == 3
    assert pick(max_params=99_999).smaller is None
    assert pick(max_params=10**9).trial.number == 0
    assert pick(max_params=10**9).larger is None


def test_max_drop_takes_the_smallest_that_is_good_enough():
    assert pick(max_drop=0.5).trial.number == 2
    assert pick(max_drop=0.49).trial.number == 1
    assert pick(max_drop=0).trial.number == 0
    assert pick(max_drop=50).trial.number == 3


def test_max_drop_forgives_rounding():
    trials = [trial(0, 90.2, 10), trial(1, 90.1, 5)]
    assert 90.2 - 0.1 > 90.1  # the reason
    assert choose(trials, trials[0], max_drop=0.1).trial.number == 1

    assert pick(max_drop=0.5).why == "the smallest within 0.5 points of the baseline's accuracy"


def test_knee():
    assert pick(knee=True).trial.number == 2
    assert pick(knee=True).why == "the knee of the front: beyond it accuracy costs more parameters"


def test_by_number_even_off_the_front():
    choice = pick(trial=4)
    assert choice.why == "chosen by its number"
    assert (choice.trial.number, choice.smaller.number, choice.larger.number) == (4, 2, 1)


def test_one_of_the_same_size_is_neither_smaller_nor_larger():
    choice = pick(trial=6)
    assert (choice.trial.number, choice.smaller.number, choice.larger.number) == (6, 3, 1)


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ({"max_params": 40_000}, "max_params: .*40000.*the smallest is trial 3 with 50.0k"),
        ({"max_drop": -0.1}, "max_drop: .*-0.1 points.*the most accurate is trial 0 with 1.00M"),
        ({"max_drop": float("nan")}, "max_drop: nan"),
        ({"trial": 9}, "trial: there is no trial 9; .*0 to 6"),
        ({"trial": 5}, "trial: trial 5 is pruned, not complete; the nearest complete one is trial 4"),
        ({}, "^give exactly one of max_params, max_drop, knee, trial$"),
        ({"knee": True, "trial": 1}, "^give exactly one of max_params, max_drop, knee, trial$"),
    ],
)
def test_what_cannot_be_satisfied_names_the_nearest(way, message):
    with pytest.raises(InputError, match=message) as error:
        pick(**way)
    assert "\n" not in str(error.value)


def test_nothing_to_choose_from():
    with pytest.raises(InputError, match=r"the run has no complete trial to choose from yet$"):
        choose([], None, knee=True)
    with pytest.raises(InputError, match=r"the run's trials are none yet$"):
        choose([], None, trial=0)
    with pytest.raises(InputError, match=r"trial 5 is pruned, not complete$"):
        choose(TRIALS[5:6], None, trial=5)
    with pytest.raises(InputError, match=r"^max_drop: the run has no complete baseline to compare with$"):
        choose(TRIALS[1:], None, max_drop=1)


def test_a_config_says_where_its_model_comes_from():
    """The metric and what is trained are said where they are not the usual ones."""
    layer = LayerCount("features.0", "shared", 50, 10, trainable=20)
    records = [trial(0, 93.0, 100), trial(1, 92.5, 60, layers=(layer,))]
    usual, other = (
        RunRecord(Path("runs/a"), {"metric": one}, 10, records) for one in ("accuracy", "macro_f1")
    )
    first, second = (choose(records, records[0], trial=number) for number in (0, 1))
    found = source_of(usual, first)
    assert found == Source("runs/a", 0, 93.0, 100, 0, "chosen by its number", None, None)
    found = source_of(other, second)
    assert found == Source("runs/a", 1, 92.5, 60, 0, "chosen by its number", "macro_f1", 30)


def test_a_record_that_cannot_be():
    with pytest.raises(ValueError, match=r"^trial 7 is complete without an accuracy$"):
        front_of([trial(7, None, 10)])

"""How far a search has come, and how long it will take, by hand."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import pytest

from lcsearch.core.records import EpochRecord, TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.runs.settings import RunSettings
from lcsearch.search import progress
from lcsearch.search.estimate import seconds_left
from lcsearch.search.history import History

SETTINGS = RunSettings("base", "digits", trials=10, jobs=2, recipe=Recipe(epochs=4))


def trial(number: int, *seconds: float, epochs: int = 4, init: Any = "scratch", **more: Any) -> TrialRecord:
    """One whose epochs took so long: ended if that is all of them."""
    spec = TrialSpec(ModelSpec("base", 10, 1, 1 + number / 1000), recipe=Recipe(epochs=epochs, init=init))
    curve = tuple(EpochRecord(n, 80.0 + n, 1.0, took, 1.0) for n, took in enumerate(seconds, 1))
    ended: dict[str, Any] = {"state": "complete", "accuracy": 90.0 + number, "finished_at": 1.0}
    own = {"state": "running", "origin": "sampler", "label": "", "params": 1000 * (1 + number)}
    own |= ended if len(curve) == epochs else {}
    return TrialRecord(number=number, spec=spec, macs=0, epochs=curve, **own | more)


def left(*trials: TrialRecord, **settings: Any) -> float | None:
    return seconds_left(History(trials), replace(SETTINGS, **settings))


BASELINE = trial(0, 8.0, 12.0, 8.0, 12.0, origin="baseline")
"""10 seconds an epoch, so that a trial takes 40."""


def test_before_the_baselines_first_epoch_nobody_knows() -> None:
    assert left() is None and left(trial(1, 1.0)) is None
    assert left(trial(0, origin="baseline")) is None
    assert left(trial(0, math.nan, origin="baseline")) is None


def test_few_trials_count_as_much_as_the_baseline() -> None:
    """The baseline's rest and nine trials of 40 s, two at a time; then two that ended in no time."""
    assert left(trial(0, 10.0, origin="baseline")) == (30 + 9 * 40) / 2
    quick = [trial(number, 1.0, 1.0, 1.0, 1.0) for number in (1, 2)]
    assert left(BASELINE, *quick) == 7 * 40 / 2
    assert left(BASELINE, *quick, trials=2) == 0
    assert left(BASELINE, *quick, jobs=1) == left(BASELINE, *quick, jobs=None) == 7 * 40


def test_from_three_on_their_mean_counts() -> None:
    """4, 8 and 12 s; one without an end, one that started otherwise and one without an epoch do not count."""
    three = [trial(number, *4 * (float(number),)) for number in (1, 2, 3)]
    assert left(BASELINE, *three) == 6 * 8 / 2
    assert left(BASELINE, *three[:2], trial(3, 3.0, 3.0)) == ((40 - 6) + 6 * 40) / 2
    assert left(BASELINE, *three[:2], trial(3, *4 * (3.0,), init="backbone")) == 6 * 40 / 2
    failed = trial(3, state="failed", finished_at=1.0)
    assert left(BASELINE, *three[:2], failed) == 6 * 40 / 2
    tuned = replace(SETTINGS.recipe, epochs=8, init="backbone")
    assert left(BASELINE, *three, fine_tune=tuned) == 6 * 80 / 2


def test_models_that_train_on_take_their_own_epochs() -> None:
    """Of 6 trials left 2 take 6 epochs of 2 s, or 1 where one has trained on, and the others 8 s."""
    three = [trial(number, *4 * (2.0,)) for number in (1, 2, 3)]
    last = {"finish": 0.2, "finish_epochs": 6}
    assert left(BASELINE, *three, **last) == (4 * 8 + 2 * 12) / 2
    done = trial(4, 1.0, 1.0, epochs=2, init="trial", parent=3)
    assert left(BASELINE, *three, done, **last) == (4 * 8 + 12) / 2


def test_running_trials_lack_what_is_left_of_their_epochs() -> None:
    """10 s an epoch: 20 of three, 0 of one that is late, nothing of a duplicate."""
    running = [trial(1, 10.0, epochs=3), trial(2, 50.0), trial(3, duplicate_of=1)]
    assert left(BASELINE, *running) == (20 + 0 + 7 * 40) / 2


def test_times_say_what_is_left_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 142.0)
    assert progress.times(100.0, History(), SETTINGS) == "42s"
    assert progress.times(100.0, History([BASELINE]), SETTINGS) == "42s, about 3m 00s left"


def test_trials_that_were_trained_are_counted_once() -> None:
    known = [BASELINE, trial(1), trial(2, state="pruned"), trial(3, state="failed"),
             trial(4, state="rejected"), trial(5, *4 * (1.0,), duplicate_of=0)]  # fmt: skip
    assert progress.trained(History(known)) == 3


def test_a_running_trial_is_a_row() -> None:
    known = [BASELINE, trial(1, 1.0, 1.0, label="half"), trial(2), trial(3, duplicate_of=1)]
    full = replace(trial(4, 1.0, 1.0, 1.0, 1.0), state="running")
    assert progress.running_rows(History([*known, full])) == [
        ("trial 1", "2.00k params", "epoch 3/4", "82.00 % half"),
        ("trial 2", "3.00k params", "epoch 1/4", " "),
        ("trial 4", "5.00k params", "epoch 4/4", "84.00 % "),
    ]


@pytest.mark.parametrize(
    ("many", "line"),
    [
        (0, "front: nothing yet"),
        (1, "front: 1.00k 90.0 %"),
        (4, "front: 1.00k 90.0 % · 2.00k 91.0 % · 3.00k 92.0 % · 4.00k 93.0 %"),
        (5, "front: 1.00k 90.0 % · … · 3.00k 92.0 % · 4.00k 93.0 % · 5.00k 94.0 %"),
    ],
)
def test_a_long_front_is_cut_in_the_middle(many: int, line: str) -> None:
    assert progress.front_line(History(trial(number, *4 * (1.0,)) for number in range(many))) == line


def test_steps_with_numbers_are_said_after_a_while_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    now, said = [100.0], list[str]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    lines = progress.NowAndThen(said.append)

    def step(after: float, words: str) -> None:
        now[0] += after
        lines.step(words)

    step(14.0, "image 1 of 9")
    step(0.0, "measuring")
    step(14.0, "image 2 of 9")
    step(1.0, "image 3 of 9")
    step(1.0, "image 4 of 9")
    now[0] += 14.0
    lines.line("trial 3 is complete")
    step(1.0, "image 5 of 9")
    step(16.0, "image 6 of 9")
    assert said == ["measuring", "image 3 of 9", "trial 3 is complete", "image 6 of 9"]

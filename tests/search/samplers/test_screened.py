"""How the recombining sampler chooses among candidates whose accuracy before any training is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FixedTrial, TrialState, create_trial
from spaces import three_layers

from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.search.samplers import SCREENED, Screen, ScreeningSampler, _fit, make, recombine
from lcsearch.search.samplers._guesses import Guesses
from lcsearch.search.samplers._surrogate import Inputs, Surrogate

SPACE = three_layers()


class Looks:
    """Gives candidates accuracies in turn, and keeps what was asked and told."""

    def __init__(self, count: int, accuracies: Sequence[float | None]) -> None:
        self.count, self.accuracies = count, accuracies
        self.answers: Sequence[Mapping[str, Any]] = ()
        self.promises = np.empty(0)

    def epochs(self, params: int) -> int:
        return 1

    def sampler(self, seed: int) -> ScreeningSampler:
        made = recombine.make(seed, SPACE)
        assert isinstance(made, ScreeningSampler)
        made.screen = Screen(self.count, self.epochs)
        return made

    def choice(self, made: optuna.Study, seed: int) -> ModelSpec | None:
        """The best of those that were named; None where none were."""
        self.answers = self.sampler(seed).candidates(made)
        if not self.answers:
            return None
        found = [self.accuracies[place % len(self.accuracies)] for place in range(len(self.answers))]
        self.promises = self.sampler(seed).promise(made, self.answers)(found)
        return specs(self)[int(np.argmax(self.promises))]


def study(screened: Sequence[float | None]) -> optuna.Study:
    """Trials whose accuracy rises by 1.5 points where the wrong answers before it are halved twice."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made, rng = optuna.create_study(directions=["maximize", "minimize"]), np.random.default_rng(0)
    for before in screened:
        layers = {str(place): LinearSpec(float(rng.uniform(0.05, 0.5))) for place in range(3)}
        found = SPACE.encode(TrialSpec(ModelSpec("net", 10, 4, layers=layers)))
        assert found is not None
        params = SPACE.params(SPACE.suggest(FixedTrial(dict(found[0]))).model)
        accuracy = 91.5 if before is None else 95 - 1.5 * math.log2(100 - before) / 2
        own = {} if before is None else {SCREENED: before}
        made.add_trial(
            create_trial(
                values=[accuracy, params], params=dict(found[0]), distributions=dict(found[1]), user_attrs=own
            )
        )
    return made


BEFORE = [20.0, 84.0, 52.0, 90.0, 70.0, 88.0, 36.0, 60.0, 80.0, 86.0, 44.0, 75.0]


def ask(made: optuna.Study, looks: Looks | None, seed: int = 0) -> ModelSpec:
    chosen = None if looks is None else looks.choice(made, seed)
    if chosen is not None:
        return chosen
    made.sampler = recombine.make(seed, SPACE)
    return SPACE.suggest(made.ask()).model


def specs(looks: Looks) -> list[ModelSpec]:
    return [SPACE.suggest(FixedTrial(dict(own))).model for own in looks.answers]


@pytest.mark.parametrize("place", range(6))
def test_the_one_that_promises_most_is_trained_and_who_does_better_promises_more(place: int) -> None:
    alike, better = Looks(6, [20.0]), Looks(6, [20.0 if one != place else 90.0 for one in range(6)])
    ask(study(BEFORE), alike)
    assert ask(study(BEFORE), better) == specs(better)[int(np.argmax(better.promises))]
    changed = better.promises - alike.promises
    assert changed[place] > 0 and not np.delete(changed, place).any()
    assert better.promises[place] > 1.2 * alike.promises[place]


def test_what_candidates_promise_depends_on_what_is_known_as_they_are_weighed() -> None:
    """Named before a trial ended, and weighed after that: what moved the front leaves less to gain."""
    made, looks = study(BEFORE), Looks(6, [60.0])
    ask(made, looks)
    before = looks.promises
    small = TrialSpec(ModelSpec("net", 10, 4, layers={str(place): LinearSpec(0.03) for place in range(3)}))
    found = SPACE.encode(small)
    assert found is not None and SPACE.params(small.model) < min(trial.values[1] for trial in made.trials)
    values = [max(trial.values[0] for trial in made.trials) + 1, SPACE.params(small.model)]
    own = {"params": dict(found[0]), "distributions": dict(found[1]), "user_attrs": {SCREENED: 90.0}}
    made.add_trial(create_trial(values=values, **own))
    after = looks.sampler(0).promise(made, looks.answers)([60.0] * 6)
    assert len(after) == 6 and (after != before).all() and after.sum() < before.sum() / 1.5


def test_candidates_are_as_many_as_may_be_looked_at_each_once() -> None:
    looks = [Looks(count, [60.0]) for count in (3, 12)]
    for one in looks:
        ask(study(BEFORE), one)
    few, many = map(specs, looks)
    assert len(few) == 3 and len(many) == 12 and few == many[:3]
    assert all(many.count(one) == 1 for one in many)


def test_candidates_are_the_best_of_more_children_than_a_proposal_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts, weigh = list[int](), recombine.expected_improvement

    def counted(mean: np.ndarray, *more: Any) -> np.ndarray:
        counts.append(len(mean))
        return weigh(mean, *more)

    monkeypatch.setattr(recombine, "expected_improvement", counted)
    ask(study(BEFORE), Looks(3, [60.0]))
    assert 100 < counts[0] <= 128


def test_epochs_count_where_candidates_are_looked_at() -> None:
    """Where a small model costs a hundred epochs no small one is among the candidates."""
    looks = Looks(4, [60.0])
    looks.epochs = lambda params: 1 if params > 5_000_000 else 100  # type: ignore[method-assign]
    ask(study(BEFORE), looks)
    assert all(SPACE.params(model) > 5_000_000 for model in specs(looks))
    cheap = Looks(4, [60.0])
    ask(study(BEFORE), cheap)
    assert any(SPACE.params(model) < 5_000_000 for model in specs(cheap))


@pytest.mark.parametrize("known", [0, 3])
def test_with_few_screened_trials_nothing_is_looked_at(known: int) -> None:
    screened = BEFORE[:known] + [None] * 6
    looks = Looks(6, [60.0])
    assert ask(study(screened), looks) == ask(study(screened), None) and not looks.answers


def test_with_four_screened_trials_candidates_are_looked_at() -> None:
    looks = Looks(6, [60.0])
    ask(study(BEFORE[:4]), looks)
    assert len(looks.answers) == 6


def test_one_from_scratch_is_judged_without_an_accuracy() -> None:
    """It wins where all others have lost nearly everything, and loses where they have lost nothing."""
    found = {}
    for others in (0.0, 95.0):
        looks = Looks(6, [None, *[others] * 5])
        found[others] = ask(study([*BEFORE, None, None]), looks) == specs(looks)[0]
    assert found == {0.0: True, 95.0: False}


def test_the_surrogate_is_told_how_each_trial_was_screened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice it is fitted: for who is a candidate, without that, and for who is the best of them, with it."""
    told = list[np.ndarray | None]()

    class Told(Guesses):
        def __init__(self, inputs: Inputs, *rest: Any, **named: Any) -> None:
            told.append(inputs.hints)
            super().__init__(inputs, *rest, **named)

    monkeypatch.setattr(_fit, "Guesses", Told)
    ask(study([*BEFORE, None]), Looks(6, [60.0]))
    wrong = [math.log(100 - before) for before in BEFORE]
    wanted = [[1.0, one - sum(wrong) / len(wrong)] for one in wrong]
    assert told[0] is None and told[1] == pytest.approx(np.array([*wanted, [0.0, 0.0]]))
    assert len(told) == 2


def test_running_trials_count_as_their_accuracy_before_any_training_lets_expect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wrong answers are halved three times: of the trials each time is worth three quarters of a point."""
    kept = list[np.ndarray]()
    weigh = recombine.expected_improvement

    def keep(mean: Any, spread: Any, size: Any, accuracy: Any, there: Any, box: Any) -> np.ndarray:
        kept.append(accuracy)
        return weigh(mean, spread, size, accuracy, there, box)

    monkeypatch.setattr(recombine, "expected_improvement", keep)
    guessed = {}
    for before in (20.0, 90.0):
        made = study(BEFORE)
        first = made.trials[0]
        told = {"params": first.params, "distributions": first.distributions}
        made.add_trial(create_trial(state=TrialState.RUNNING, user_attrs={SCREENED: before}, **told))
        kept.clear()
        ask(made, Looks(6, [60.0]))
        assert all(len(accuracy) == len(BEFORE) + 1 for accuracy in kept)
        guessed[before] = float(kept[0][-1]), float(kept[-1][-1])
    assert guessed[20.0][0] == guessed[90.0][0], "who is a candidate is asked without it"
    assert guessed[90.0][1] - guessed[20.0][1] == pytest.approx(1.5 * 3 / 2, abs=0.3)


def test_what_one_promises_is_per_epoch() -> None:
    looks = [Looks(6, [60.0]), Looks(6, [60.0])]
    looks[1].epochs = lambda params: 4  # type: ignore[method-assign]
    for one in looks:
        ask(study(BEFORE), one)
    assert specs(looks[0]) == specs(looks[1])
    assert looks[1].promises == pytest.approx(looks[0].promises / 4) and looks[0].promises.min() > 0


def test_the_same_is_proposed_twice() -> None:
    looks = [Looks(6, [30.0, 80.0, 50.0]) for _ in range(2)]
    assert ask(study(BEFORE), looks[0], 3) == ask(study(BEFORE), looks[1], 3)


def test_samplers_that_choose_among_nothing_are_no_screening_ones() -> None:
    assert not isinstance(make("tpe", seed=0, space=SPACE), ScreeningSampler)


WIDE = np.array([[0.0], [2.0]])


def test_accuracy_is_a_straight_line_in_a_hint() -> None:
    """Two models that differ in the hint alone: Bayesian regression with one unknown slope."""
    each, noise = 50, 0.2
    hints = np.repeat([[-1.0], [1.0]], each, axis=0)
    accuracy = np.repeat([88.0, 92.0], each)
    same = np.zeros((2 * each, 1)), np.full(2 * each, 10.0)
    none = np.zeros(2 * each, dtype=bool)
    told, kind = (Inputs(*same, hints), accuracy, np.full(2 * each, noise), none), {"block": 1, "blocks": 1}
    fitted = Surrogate(*told, bias=np.zeros(2 * each), **kind, slopes=WIDE)
    new = Inputs(np.zeros((3, 1)), np.full(3, 10.0), np.array([[-1.0], [0.5], [4.0]]))
    mean, spread = fitted.guess(new)
    assert mean == pytest.approx([88.0, 91.0, 98.0], abs=0.05)
    assert spread[2] < 0.5
    assert fitted.guess(Inputs(new.features, new.log_params, np.zeros((3, 1))))[0] == pytest.approx(90.0)


def test_an_expected_slope_holds_where_no_trial_says_anything_of_it() -> None:
    """Trials that differ in nothing but noise, all with one hint: elsewhere accuracy is as expected."""
    rng = np.random.default_rng(0)
    hints = np.full((40, 1), 0.5)
    same, none = (np.zeros((40, 1)), np.full(40, 10.0)), np.zeros(40, dtype=bool)
    accuracy, noise = 90.0 + 0.3 * rng.standard_normal(40), np.full(40, 0.3)
    inputs, slopes = Inputs(*same, hints), np.array([[-2.0], [0.5]])
    fitted = Surrogate(inputs, accuracy, noise, none, bias=np.zeros(40), block=1, blocks=1, slopes=slopes)
    new = Inputs(np.zeros((2, 1)), np.full(2, 10.0), np.array([[0.5], [2.5]]))
    mean, spread = fitted.guess(new)
    assert mean == pytest.approx([90.0, 86.0], abs=0.15)
    assert fitted.fitted == pytest.approx(np.full(40, 90.0), abs=0.15)
    assert 0.6 < spread[1] < 2 * 0.5  # the slope, of which trials with one hint say something

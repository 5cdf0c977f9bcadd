"""What is remembered of trials, on made up ones and on a study of a small space."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from spaces import bind_tiny

from lcsearch.layers.linear_offer import Chosen
from lcsearch.search.samplers import _past
from lcsearch.search.samplers._layout import Genome, Layout
from lcsearch.search.samplers._past import Past, Seen, recall
from lcsearch.search.samplers._sizes import Sizes
from lcsearch.search.space.groups import PLAIN

LINEAR = {"kind": ["conv", "linear"], "alpha": {"low": 0.1, "high": 1.0}}


@pytest.fixture
def layout() -> Layout:
    return Layout(bind_tiny({"point": LINEAR}))


def seen(key: int, accuracy: float | None = None, params: int = 100) -> Seen:
    return Seen(Genome((), (), ()), key, params, np.zeros(1), accuracy, (float(params),), False, False, {})


def keys(trials: list[Seen]) -> list[int]:
    return [one.key for one in trials]


def test_trials_without_an_accuracy_are_known_and_late_but_not_trained() -> None:
    past = Past()
    for one in (seen(1, 50.0), seen(2), seen(3, 60.0), seen(3)):
        past.add(one)
    assert past.known == {1, 2, 3}
    assert keys(past.trained) == [1, 3] and past.trials == 2
    assert keys(past.late) == [1, 2, 3, 3]
    assert (seen(1, 50.0, 7).point, seen(1, None, 7).point) == ((50.0, 7.0), (0.0, 7.0))


def test_the_latest_are_kept_and_the_front_of_the_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first ones 0 is the smallest and 2 the best; when 11 are there, all but the last 5 are early."""
    monkeypatch.setattr(_past, "LATEST", 5)
    past = Past()
    accuracies = [10.0, 5.0, 90.0, 20.0, 30.0, 40.0] + [1.0] * 4
    for number, accuracy in enumerate(accuracies):
        past.add(seen(number, accuracy, 10 if number == 0 else 100))
    assert keys(past.trained) == list(range(10)), "as many as twice the latest"
    past.add(seen(10, 1.0))
    assert keys(past.trained) == [0, 2, 6, 7, 8, 9, 10] and past.trials == 11
    assert keys(past.late) == list(range(5, 11))
    assert past.known == set(range(11))


def test_the_best_ranks_tell_most_and_the_latest_of_the_rest() -> None:
    """Of 12 places 8 go to the best: here by accuracy, as all have one size."""
    past = Past()
    accuracies = [1, 20, 2, 19, 3, 18, 4, 17, 5, 16, 6, 15, 7, 14, 8, 13]
    for number, accuracy in enumerate(accuracies):
        past.add(seen(number, float(accuracy)))
    assert keys(past.most_telling(16)) == list(range(16))
    assert keys(past.most_telling(12)) == [1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert keys(past.most_telling(3)) == [1, 3, 15]
    assert keys(past.most_telling(4)) == [1, 3, 14, 15]


def test_of_one_rank_the_latest_tell_most() -> None:
    past = Past()
    for number in range(9):
        past.add(seen(number, 50.0 + number, 100 + number))
    assert keys(past.most_telling(6)) == [3, 4, 5, 6, 7, 8]


def test_a_copy_grows_alone() -> None:
    past = Past()
    past.add(seen(1, 50.0))
    other = past.copy()
    other.add(seen(2, 60.0))
    assert (past.known, keys(past.trained), keys(past.late), past.trials) == ({1}, [1], [1], 1)
    assert (other.known, keys(other.trained), keys(other.late), other.trials) == ({1, 2}, [1, 2], [1, 2], 2)


POINT = optuna.distributions.CategoricalDistribution(("conv", "linear"))
ALPHA = optuna.distributions.FloatDistribution(0.1, 1.0)
PLAIN_TRIAL: dict[str, Any] = {"params": {"point/kind": "conv"}, "distributions": {"point/kind": POINT}}
TENTH: dict[str, Any] = {
    "params": {"point/kind": "linear", "point/alpha": 0.1},
    "distributions": {"point/kind": POINT, "point/alpha": ALPHA},
}


def study(objectives: int = 2, name: str | None = None) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = ["maximize"] + ["minimize"] * (objectives - 1)
    return optuna.create_study(directions=directions, study_name=name)


def test_what_is_seen_of_a_trial(layout: Layout) -> None:
    tried = study(3)
    tried.add_trial(create_trial(values=[80.0, 658.0, 7.0], **PLAIN_TRIAL))
    over = {"max_params": 0.25}
    tried.add_trial(create_trial(values=[70.0, 577.0, 6.0], constraints=over, **TENTH))
    kept = {"max_params": 0.0, "max_macs": -0.5}
    tried.add_trial(
        create_trial(values=[75.0, 577.0, 6.0], constraints=kept, user_attrs={"predicted": True}, **TENTH)
    )
    tried.add_trial(create_trial(state=TrialState.RUNNING, **TENTH))
    tried.add_trial(create_trial(state=TrialState.FAIL, **PLAIN_TRIAL))
    tried.add_trial(create_trial(values=[60.0, 1.0, 1.0]))
    past = recall(tried, layout, 99)
    assert [one.accuracy for one in past.late] == [80.0, None, 75.0, None, None], "nothing was asked of one"
    assert [one.params for one in past.late] == [658, 577, 577, 577, 658]
    assert [one.sizes for one in past.late] == [(658.0, 7.0), (), (577.0, 6.0), (), ()]
    assert [one.predicted for one in past.late] == [False, False, True, False, False]
    assert [one.running for one in past.late] == [False, False, False, True, False]
    assert [one.over for one in past.late] == [{}, over, kept, {}, {}]
    assert past.late[0].genome == Genome((PLAIN,), (), ())
    assert past.late[1].genome.picks[0].own == Chosen(0.1, "full")
    assert past.late[0].key == past.late[4].key == layout.key(Genome((PLAIN,), (), ()))
    assert past.late[1].features == pytest.approx(layout.features(past.late[1].genome))
    assert past.trials == 2


def test_the_trial_that_is_asked_for_is_not_seen(layout: Layout) -> None:
    tried = study()
    tried.add_trial(create_trial(values=[80.0, 658.0], **PLAIN_TRIAL))
    tried.add_trial(create_trial(state=TrialState.RUNNING, **TENTH))
    tried.add_trial(create_trial(values=[81.0, 658.0], **PLAIN_TRIAL))
    assert [one.accuracy for one in recall(tried, layout, 1).late] == [80.0, 81.0]
    assert [one.accuracy for one in recall(tried, layout, 9).late] == [80.0, None, 81.0]
    tried.tell(1, [60.0, 577.0])
    assert [one.accuracy for one in recall(tried, layout, 9).late] == [80.0, 60.0, 81.0]
    tried.add_trial(create_trial(values=[82.0, 658.0], **PLAIN_TRIAL))
    assert [one.accuracy for one in recall(tried, layout, 9).late] == [80.0, 60.0, 81.0, 82.0]
    assert recall(tried, layout, 9).trials == 4


def test_another_study_of_the_same_name_is_seen_anew(layout: Layout) -> None:
    first, again = (study(name="one name") for _ in range(2))
    for accuracy in (80.0, 81.0):
        first.add_trial(create_trial(values=[accuracy, 658.0], **PLAIN_TRIAL))
    assert recall(first, layout, 9).trials == 2
    again.add_trial(create_trial(values=[70.0, 658.0], **PLAIN_TRIAL))
    assert [one.accuracy for one in recall(again, layout, 9).trained] == [70.0]


def test_many_studies_are_seen_each_by_itself(layout: Layout) -> None:
    studies = [study() for _ in range(7)]
    for number, one in enumerate(studies):
        one.add_trial(create_trial(values=[number + 1.0, 658.0], **PLAIN_TRIAL))
    for _ in range(2):
        found = [recall(one, layout, 9).trained[0].accuracy for one in studies]
        assert found == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def trained(params: list[int], *sizes: list[float]) -> list[Seen]:
    return [
        Seen(Genome((), (), ()), n, size, np.array([n / 10, 1.0 - n * n]), 50.0, own, False, False, {})
        for n, (size, *own) in enumerate(zip(params, *sizes, strict=True))
        for own in [tuple(own)]
    ]


def test_the_params_are_weighed_exactly() -> None:
    params = [100, 200, 400]
    for own in (trained(params, [100.0, 200.0, 400.0]), trained(params)):
        sizes = Sizes(own, (50.0, 900.0), np.random.default_rng(0))
        assert sizes.trained == pytest.approx(params)
        assert sizes([7, 9], [np.zeros(2)] * 2) == pytest.approx([7.0, 9.0])
    assert (sizes.low, sizes.high) == (50.0, 900.0)


def test_another_size_is_guessed_and_its_box_goes_below_what_was_trained() -> None:
    """Its logarithm is a straight line in the features; a fifth of their span and a tenth lie below."""
    params = [100, 210, 400, 800, 1500, 3100, 6000, 12_000]
    macs = [float(np.exp(3 + 0.5 * n)) for n in range(8)]
    sizes = Sizes(trained(params, macs), (50.0, 900.0), np.random.default_rng(0))
    assert sizes.trained == pytest.approx(macs)
    assert (sizes.low, sizes.high) == pytest.approx((np.exp(3 - 0.2 * 3.5 - 0.1), macs[-1]))
    guessed = sizes([800], [np.array([0.3, -8.0])])
    assert guessed == pytest.approx([macs[3]], rel=0.03)


def test_two_sizes_are_weighed_as_the_seed_says() -> None:
    params = [100, 210, 400, 800]
    macs = [float(np.exp(3 + 0.5 * n)) for n in range(4)]
    weights = np.random.default_rng(5).dirichlet([1.0, 1.0])
    sizes = Sizes(trained(params, [float(p) for p in params], macs), (1.0, 2.0), np.random.default_rng(5))
    both = [np.exp(weights @ np.log([p, m])) for p, m in zip(params, macs, strict=True)]
    assert sizes.trained == pytest.approx(both)
    guessed = sizes([400, 210], [np.array([0.2, -3.0]), np.array([0.1, 0.0])])
    assert guessed == pytest.approx([both[2], both[1]], rel=0.03)

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
import torch
from optuna.trial import TrialState

from lcsearch.core.spec import ModelSpec
from lcsearch.nets.surgery import build_model
from lcsearch.search import samplers
from lcsearch.search.samplers import _past
from lcsearch.search.samplers._layout import layout_of
from lcsearch.search.samplers._sizes import Sizes
from lcsearch.search.space import BoundSpace, bind, load_space


@pytest.fixture(scope="module")
def space() -> BoundSpace:
    template = ModelSpec("base", 10, 1)
    with torch.device("meta"):
        model = build_model(template)
    return bind(load_space("base", "base"), model, template)


def study_of(space, trials, third=None, seed=0):
    """Random trials; accuracy grows with the logarithm of the size, and is noisy."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = ["maximize", "minimize"] + ["minimize"] * (third is not None)
    study = optuna.create_study(directions=directions, sampler=optuna.samplers.RandomSampler(seed))
    rng = np.random.default_rng(seed)
    for _ in range(trials):
        trial = study.ask()
        model = space.suggest(trial).model
        sizes = [space.params(model)] + ([] if third is None else [third(model)])
        study.tell(trial, [70 + math.log(sizes[0]) + rng.standard_normal(), *sizes])
    return study


def alphas(model):
    return 1e6 * (1 + 5 * getattr(model.layers.get("features.8"), "alpha", 1.0))


def test_what_is_remembered_is_what_a_new_process_works_out(space):
    study, layout = study_of(space, 30), layout_of(space)
    _past.recall(study, layout, 10**6)
    running = study.ask()
    space.suggest(running)
    study.tell(study.ask(), state=TrialState.FAIL)
    for _ in range(5):
        trial = study.ask()
        study.tell(trial, [80, space.params(space.suggest(trial).model)])
    remembered = _past.recall(study, layout, 10**6)
    _past._memory.clear()
    anew = _past.recall(study, layout, 10**6)
    assert remembered.known == anew.known
    assert [s.key for s in remembered.trained] == [s.key for s in anew.trained]
    assert [s.running for s in remembered.late] == [s.running for s in anew.late]
    assert len(remembered.trained) == 35 and sum(s.running for s in remembered.late) == 1


def test_the_end_of_a_running_trial_is_seen(space):
    study, layout = study_of(space, 5), layout_of(space)
    running = study.ask()
    size = space.params(space.suggest(running).model)
    assert _past.recall(study, layout, 10**6).trials == 5
    assert _past.recall(study, layout, running.number).late[-1].running is False
    study.tell(running, [99.0, size])
    assert _past.recall(study, layout, 10**6).trained[-1].accuracy == 99.0


def test_the_whole_front_is_kept_however_many_trials_there_are(space, monkeypatch):
    monkeypatch.setattr(_past, "LATEST", 20)
    study, layout = study_of(space, 150), layout_of(space)
    past = _past.recall(study, layout, 10**6)
    best = {t.number for t in study.best_trials}
    values = {(s.accuracy, *s.sizes) for s in past.trained}
    assert len(past.trained) <= 41 + len(best)
    assert all(tuple(study.trials[number].values) in values for number in best)
    assert past.trials == 150
    telling = past.most_telling(15)
    assert len(telling) == 15


def test_two_objectives_weigh_the_params_exactly(space):
    study, layout = study_of(space, 12), layout_of(space)
    past = _past.recall(study, layout, 10**6)
    sizes = Sizes(past.trained, (1e4, 4e5), np.random.default_rng(0))
    assert sizes.trained == pytest.approx([s.params for s in past.trained])
    assert (sizes.low, sizes.high) == (1e4, 4e5)
    assert sizes([5, 7], [np.zeros(3)] * 2) == pytest.approx([5, 7])


def test_three_objectives_weigh_both_sizes_and_learn_the_third(space):
    study, layout = study_of(space, 60, alphas), layout_of(space)
    past = _past.recall(study, layout, 10**6)
    sizes = Sizes(past.trained[:50], (1e4, 4e5), np.random.default_rng(0))
    weights = np.random.default_rng(0).dirichlet([1, 1])
    exact = [math.exp(weights @ np.log(s.sizes)) for s in past.trained]
    assert sizes.trained == pytest.approx(exact[:50])
    unseen = past.trained[50:]
    guessed = sizes([s.params for s in unseen], [s.features for s in unseen])
    assert np.median(np.abs(np.log(guessed / exact[50:]))) < 0.15


@pytest.mark.slow
def test_a_third_objective_is_searched_too(space):
    """Macs that depend on one layer alone, against params: recombine moves that layer where macs count."""

    def found(third):
        study = study_of(space, 10, third)
        for number in range(30):
            study.sampler = samplers.make("recombine", seed=number, space=space)
            trial = study.ask()
            model = space.suggest(trial).model
            sizes = [space.params(model)] + ([] if third is None else [third(model)])
            study.tell(trial, [70 + math.log(sizes[0]), *sizes])
        models = [space.decode(t.params).model for t in study.trials[10:]]
        return np.mean([math.log(alphas(model)) for model in models])

    assert found(alphas) < found(None)

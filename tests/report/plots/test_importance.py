from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hand_made import make_run, make_trial

from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.report.plots.importance import FEWEST_TRIALS, importance


def trials(count, accuracy):
    """Layers a and b drawn independently; b has ten times the parameters of a."""
    chance = random.Random(0)
    made = []
    for number in range(count):
        a, b = 2 ** -chance.uniform(0, 4), 2 ** -chance.uniform(0, 4)
        layers = {"a": LinearSpec(a), "b": LinearSpec(b)}
        counts = (("a", round(1000 * a)), ("b", round(10_000 * b)))
        params = sum(size for _, size in counts)
        made.append(make_trial(number, accuracy(a, b, chance), params, layers=layers, counts=counts))
    return made


def test_only_one_layer_matters_for_accuracy():
    run = make_run(*trials(80, lambda a, b, chance: 90 + 3 * a))
    found = importance(run)
    shares = dict(zip(found.choices, found.accuracy, strict=True))
    assert shares["a"] > 0.95
    assert found.explained > 0.9
    assert sum(found.accuracy) == pytest.approx(1)


def test_what_trains_on_says_nothing_of_choices():
    run = make_run(*trials(40, lambda a, b, chance: 90 + 3 * a))
    recipe = replace(run.trials[0].spec.recipe, init="trial")
    on = [
        make_trial(40 + n, 99.0, t.params, parent=n, layers=t.spec.model.layers)
        for n, t in enumerate(run.trials[:9])
    ]
    on = [replace(one, spec=replace(one.spec, recipe=recipe)) for one in on]
    assert importance(replace(run, trials=(*run.trials, *on))) == importance(run)


def test_params_are_shares_of_variance():
    run = make_run(*trials(40, lambda a, b, chance: 90 + 3 * a))
    found = importance(run)
    sizes = {name: [t.layers[i].params for t in run.trials] for i, name in enumerate("ab")}
    variance = {n: sum((v - sum(s) / len(s)) ** 2 for v in s) for n, s in sizes.items()}
    expected = variance["b"] / (variance["a"] + variance["b"])
    assert dict(zip(found.choices, found.params, strict=True))["b"] == pytest.approx(expected)


def test_noise_is_called_noise():
    found = importance(make_run(*trials(60, lambda a, b, chance: chance.gauss(90, 1))))
    assert found.explained < 0.1


def test_it_repeats_itself(example):
    again = replace(example)
    assert importance(example) == importance(again)


def test_too_few_trials_or_no_choice():
    few = trials(FEWEST_TRIALS - 1, lambda a, b, chance: 90 + a)
    assert importance(make_run(*few)) is None
    assert importance(make_run(*[make_trial(i, 90.0 + i) for i in range(20)])) is None


def test_equal_accuracies():
    found = importance(make_run(*trials(20, lambda a, b, chance: 90.0)))
    assert set(found.accuracy) == {0.0}


def test_channels_belong_to_the_choice_of_their_layer():
    chance, made = random.Random(0), []
    for number in range(80):
        a, b = chance.choice([0.25, 0.5, 1.0]), chance.choice([0.25, 0.5, 1.0])
        channels = {name: share for name, share in (("a", a), ("b", b)) if share < 1}
        counts = (("a", round(1000 * a)), ("c", 50))
        trial = make_trial(number, 90 + 3 * a, 1000 + round(1000 * a), counts=counts)
        made.append(replace(trial, spec=TrialSpec(ModelSpec("net", 10, 3, channels=channels))))
    found = importance(make_run(*made))
    assert found.choices == ("a", "b")
    assert found.accuracy[0] > 0.95 and found.params == (1, 0)

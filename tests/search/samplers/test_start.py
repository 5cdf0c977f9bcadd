"""What the recombining sampler is told of how models start, and what it makes of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FixedTrial, TrialState, create_trial
from spaces import three_layers

from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.search.samplers import CUT_FROM, CUT_OUT, _fit, recombine
from lcsearch.search.samplers._guesses import Guesses
from lcsearch.search.samplers._hints import Hints
from lcsearch.search.samplers._layout import Genome
from lcsearch.search.samplers._past import Seen
from lcsearch.search.samplers._surrogate import Inputs

SPACE = three_layers()
FROM = 2_000_000.0
BETTER = 2.0
"""Points by which cut out models are better."""


def seen(screened: float | None, cut: bool = False) -> Seen:
    own = {"screened": screened, "cut": cut}
    return Seen(Genome((), (), ()), 0, 100, np.zeros(1), 80.0, (), False, False, {}, **own)


def test_hints_are_logarithms_of_wrong_answers_around_those_of_the_trials() -> None:
    hints = Hints([seen(90.0), seen(None), seen(60.0)], looked=True)
    asked = [90.0, 60.0, None, 80.0, 99.9, 100.0]
    middle = (math.log(10) + math.log(40)) / 2
    found = hints.of_new([100] * 6, asked)
    assert found[:, 0].tolist() == [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    wanted = [math.log(10) - middle, math.log(40) - middle, 0.0, math.log(20) - middle, -middle, -middle]
    assert found[:, 1] == pytest.approx(wanted)
    assert (hints.of([seen(one) for one in asked]) == found).all()
    unseen = hints.of([seen(None, cut=True)])
    assert unseen.tolist() == [[1.0, 0.0]], "cut out, and not looked at"


def test_who_starts_how_is_told_where_nothing_is_looked_at() -> None:
    hints = Hints([seen(None), seen(40.0, cut=True)], 1000.0)
    assert hints.of([seen(None), seen(40.0, cut=True), seen(40.0)]).tolist() == [[0.0], [1.0], [0.0]]
    assert hints.of_new([999, 1000, 5000]).tolist() == [[0.0], [1.0], [1.0]]
    assert hints.slopes.tolist() == [[0.0], [1.0]]


def study(*, told: bool, running: bool | None = None) -> optuna.Study:
    """Forty models, every second cut out and better; then one of an alpha of 0.1 that runs, cut out or not.

    Args:
        told: Whether the study says how they start.
        running: Whether the running one is cut out; None where none runs.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made, rng = optuna.create_study(directions=["maximize", "minimize"]), np.random.default_rng(0)
    if told:
        made.set_user_attr(CUT_FROM, FROM)
    for number in range(40):
        alphas, cut = np.exp(rng.uniform(math.log(0.005), math.log(0.8), 3)), number % 2 == 1
        accuracy = 90 + np.log(alphas).mean() + BETTER * cut
        add(made, alphas, {CUT_OUT: cut} if told else {}, accuracy)
    if running is not None:
        add(made, np.full(3, 0.1), {CUT_OUT: running} if told else {}, None)
    return made


def add(made: optuna.Study, alphas: np.ndarray, own: dict[str, Any], accuracy: float | None) -> None:
    layers = {str(place): LinearSpec(float(alpha)) for place, alpha in enumerate(alphas)}
    found = SPACE.encode(TrialSpec(ModelSpec("net", 10, 4, layers=layers)))
    assert found is not None
    told = {"params": dict(found[0]), "distributions": dict(found[1]), "user_attrs": own}
    if accuracy is None:
        made.add_trial(create_trial(state=TrialState.RUNNING, **told))
        return
    params = SPACE.params(SPACE.suggest(FixedTrial(dict(found[0]))).model)
    made.add_trial(create_trial(values=[accuracy, params], **told))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Inputs, np.ndarray]]:
    """What was guessed, and of what."""
    found = list[tuple[Inputs, np.ndarray]]()

    class Kept(Guesses):
        def guess(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
            mean, spread = super().guess(inputs)
            found.append((inputs, mean))
            return mean, spread

    monkeypatch.setattr(_fit, "Guesses", Kept)
    return found


def propose(made: optuna.Study, seed: int = 0) -> ModelSpec:
    made.sampler = recombine.make(seed, SPACE)
    return SPACE.suggest(made.ask()).model


def missed(inputs: Inputs, mean: np.ndarray) -> float:
    """By how much more guesses of cut out children are off what they would really reach than those of others.

    The second number of a layer is the logarithm of its alpha. A child is cut out from `FROM` on.
    """
    cut = np.exp(inputs.log_params) >= FROM
    off = mean - (90 + inputs.features[:, 1::4].mean(axis=1) + BETTER * cut)
    assert min(cut.sum(), (~cut).sum()) > 10
    return float(np.median(off[cut]) - np.median(off[~cut]))


def test_children_are_guessed_by_how_they_would_start(asked: list[tuple[Inputs, np.ndarray]]) -> None:
    """Trials of all sizes start either way, children by size: who is not told guesses them alike."""
    found = {}
    for told in (True, False):
        asked.clear()
        propose(study(told=told))
        found[told] = missed(*asked[0])
    assert abs(found[True]) < 0.25
    assert found[False] < -0.6


def test_another_model_is_proposed() -> None:
    """Cut out ones are better, so that one of them promises most; to who is not told mostly smaller ones."""
    sizes = {
        told: [SPACE.params(propose(study(told=told), seed)) for seed in range(5)] for told in (True, False)
    }
    assert min(sizes[True]) >= FROM
    assert np.median(sizes[False]) < FROM / 2


def test_what_runs_is_guessed_by_how_it_has_started(asked: list[tuple[Inputs, np.ndarray]]) -> None:
    guessed = {}
    for cut in (True, False):
        asked.clear()
        propose(study(told=True, running=cut))
        (guessed[cut],) = asked[0][1]
    assert guessed[True] - guessed[False] == pytest.approx(BETTER, abs=0.4)


def test_nothing_is_told_where_no_model_is_cut_out(asked: list[tuple[Inputs, np.ndarray]]) -> None:
    propose(study(told=False, running=True))
    assert all(inputs.hints is None for inputs, _ in asked)

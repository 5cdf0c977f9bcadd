"""Whole searches that screen candidates, without any training: what is recorded, and what survives a kill."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from cut_search import PICKED, Clock, opened
from inline_engine import Killed
from screened_search import HELD, TRIALS, TrainsAndLooks, invented, known, search, session

from lcsearch.core.records import TrialRecord
from lcsearch.runs.read import read_run
from lcsearch.search.history import History
from lcsearch.search.observer import Observer
from lcsearch.search.session import SearchSession

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed() -> TrainsAndLooks:
    """What trains and looks in a run that nothing disturbs."""
    return TrainsAndLooks()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, undisturbed: TrainsAndLooks) -> tuple[TrialRecord, ...]:
    """The trials of that run."""
    return search(tmp_path_factory.mktemp("runs") / "whole", undisturbed)


def through(*objectives: TrainsAndLooks) -> Counter[str]:
    """How often each candidate was looked at to the end: by another regularizer it is another one."""
    return Counter(model for one in objectives for model, images in one.glances if images == HELD)


def test_what_is_cut_out_is_looked_at_before_it_is_trained(whole: tuple[TrialRecord, ...]) -> None:
    for trial in whole:
        cut = trial.spec.recipe.init == "backbone"
        if trial.origin != "sampler":
            assert (trial.screened is not None) == cut
            assert trial.screened is None or (trial.screened.models, trial.screened.images) == (1, 100)
        else:
            assert trial.screened is not None and 1 <= trial.screened.models <= 6
            assert len(trial.screened.looked) == trial.screened.models
            assert not cut or (trial.params, trial.screened.accuracy, HELD) in {
                (one.params, one.accuracy, one.images) for one in trial.screened.looked
            }
        if trial.screened is not None:
            parent = None if trial.parent is None else str(trial.parent)
            assert trial.screened.accuracy == (invented(trial.spec.model, parent) if cut else None)


def test_a_search_that_screens_proposes_something_else(
    tmp_path: Path, whole: tuple[TrialRecord, ...]
) -> None:
    with opened(tmp_path / "run", sampler="recombine", trials=TRIALS, inherit=True, seed=3) as alone:
        assert alone.run() is None
    trials = read_run(tmp_path / "run").trials
    assert all(trial.screened is None for trial in trials)
    planned = [trial.number for trial in whole if trial.origin != "sampler"]
    assert [trials[n].spec for n in planned] == [whole[n].spec for n in planned]
    assert [t.spec for t in trials[len(planned) :]] != [t.spec for t in whole[len(planned) :]]


@pytest.mark.parametrize("at", [0, 27, 51, 72, 101])
def test_killed_while_it_screens_it_resumes_to_the_same_run(
    tmp_path: Path, whole: tuple[TrialRecord, ...], undisturbed: TrainsAndLooks, at: int
) -> None:
    """Before a glance is told, or after: what was seen of a candidate to the end is not looked at again."""
    first, second = TrainsAndLooks(Clock(at)), TrainsAndLooks()
    with pytest.raises(Killed), session(tmp_path / "run", first) as broken:
        broken.run()
    assert len(read_run(tmp_path / "run").trials) < TRIALS
    assert known(search(tmp_path / "run", second)) == known(whole)
    again = through(first, second) - through(undisturbed)
    assert again.total() <= (1 if at % 2 else 0) + (at == 0)


class Leaves(Observer):
    """Ends the search as Ctrl-C does when the third candidate of a trial is looked at."""

    def __init__(self, session: SearchSession) -> None:
        self._session = session

    def preparing(self, words: str, history: History) -> None:
        if words == "screening candidates: 3 cut out":
            self._session.director.interrupt()


def test_interrupted_while_it_screens_it_goes_on_later(
    tmp_path: Path, whole: tuple[TrialRecord, ...]
) -> None:
    with session(tmp_path / "run") as broken:
        broken.watch(Leaves(broken))
        assert broken.run() is None
        assert broken.director.interrupted
    done = read_run(tmp_path / "run").trials
    assert len(PICKED) < len(done) < TRIALS and all(trial.state != "running" for trial in done)
    assert known(search(tmp_path / "run")) == known(whole)


def test_all_that_went_forward_is_counted(whole: tuple[TrialRecord, ...], tmp_path: Path) -> None:
    """A hundred images for each look, three times which are a training step's."""
    objective = TrainsAndLooks()
    search(tmp_path / "run", objective)
    run = read_run(tmp_path / "run")
    looks = sum(trial.screened.images for trial in run.trials if trial.screened) / 100
    assert looks == sum(trial.screened.images for trial in whole if trial.screened) / 100 > 20
    facts = run.settings["facts"]
    assert run.screening_epochs == pytest.approx(looks * 100 / (3 * facts["train_images"]))
    fewer = replace(run, trials=run.trials[:1])
    assert fewer.screening_epochs == 0

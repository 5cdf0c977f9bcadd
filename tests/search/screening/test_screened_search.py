"""Whole searches that screen candidates, without any training: what is recorded, and what survives a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cut_search import PICKED, Clock, Measures, Outline, Trains, opened
from inline_engine import Killed
from outline import outline
from simulated_search import bound_base

from lcsearch.core.records import Screened, TrialRecord
from lcsearch.core.spec import TrialSpec
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.observer import Observer
from lcsearch.search.screening import Screening
from lcsearch.search.session import SearchSession

pytestmark = pytest.mark.slow

TRIALS = 26


class Invented:
    """A candidate whose accuracy is made up of its spec and of what it is cut out of."""

    most = 100.0

    def __init__(self, spec: TrialSpec, parent: int | None, told: Callable[[], None]) -> None:
        self._text, self._told, self._made = spec.fingerprint() + str(parent), told, False

    def accuracy(self, images: int) -> float:
        if not self._made:
            self._made = True
            self._told()
        return float(sum(map(ord, self._text)) % 80)


class Invents(Screening):
    """Looks at nothing, and counts how often it was asked."""

    def __init__(self, clock: Clock | None = None) -> None:
        settings = RunSettings("base", "digits", screen=5)
        super().__init__(RunDirectory(Path()), settings, bound_base(), self._no_data)
        self._clock, self._asked = clock or Clock(), 0

    def _no_data(self) -> Any:
        raise AssertionError("nothing is read")

    def epochs(self, params: int) -> int:
        return 1

    @property
    def images(self) -> Any:
        return range(100)

    def entrant(self, spec: TrialSpec, history: History, told: Callable[[], None]) -> Any:
        if spec.recipe.init == "scratch":
            return None
        return self._invented(spec, history.parent_of(spec, bound_base().params(spec.model)), told)

    def one(self, spec: TrialSpec, parent: int | None, history: History) -> Screened:
        return Screened(self._invented(spec, parent, lambda: None).accuracy(100), 1, self.spent())

    def spent(self) -> int:
        spent, self._asked = self._asked, 0
        return 100 * spent

    def _invented(self, spec: TrialSpec, parent: int | None, told: Callable[[], None]) -> Invented:
        def tick() -> None:
            self._asked += 1
            self._clock.tick()
            told()

        return Invented(spec, parent, tick)


def session(path: Path, clock: Clock | None = None) -> SearchSession:
    asked: dict[str, Any] = {"sampler": "recombine", "trials": TRIALS, "inherit": True, "seed": 3}
    return opened(path, Trains(), Measures(), screening=Invents(clock), screen=5, **asked)


def search(path: Path, clock: Clock | None = None) -> tuple[TrialRecord, ...]:
    with session(path, clock) as opened:
        assert opened.run() is None
    return read_run(path).trials


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialRecord, ...]:
    """An undisturbed run."""
    return search(tmp_path_factory.mktemp("runs") / "whole")


def known(trials: tuple[TrialRecord, ...]) -> tuple[Outline, list[float | None]]:
    return outline(trials), [None if t.screened is None else t.screened.accuracy for t in trials]


def test_what_is_cut_out_is_looked_at_before_it_is_trained(whole: tuple[TrialRecord, ...]) -> None:
    for trial in whole:
        cut = trial.spec.recipe.init == "backbone"
        if trial.origin != "sampler":
            assert (trial.screened is not None) == cut
            assert trial.screened is None or (trial.screened.models, trial.screened.images) == (1, 100)
        else:
            assert trial.screened is not None and 1 <= trial.screened.models <= 5
        if trial.screened is not None:
            wanted = sum(map(ord, trial.spec.fingerprint() + str(trial.parent))) % 80
            assert trial.screened.accuracy == (wanted if cut else None)


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


@pytest.mark.parametrize("at", [0, 14, 15, 31])
def test_killed_while_it_screens_it_resumes_to_the_same_run(
    tmp_path: Path, whole: tuple[TrialRecord, ...], at: int
) -> None:
    with pytest.raises(Killed), session(tmp_path / "run", Clock(at)) as broken:
        broken.run()
    assert len(read_run(tmp_path / "run").trials) < TRIALS
    assert known(search(tmp_path / "run")) == known(whole)


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
    search(tmp_path / "run")
    run = read_run(tmp_path / "run")
    looks = sum(trial.screened.images for trial in run.trials if trial.screened) / 100
    assert looks == sum(trial.screened.images for trial in whole if trial.screened) / 100 > 20
    facts = run.settings["facts"]
    assert run.screening_epochs == pytest.approx(looks * 100 / (3 * facts["train_images"]))
    fewer = replace(run, trials=run.trials[:1])
    assert fewer.screening_epochs == 0

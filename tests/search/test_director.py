"""The search, driven in one process by a simulated objective."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import optuna
import pytest
from outline import outline
from simulated_search import Simulated, session

from lcsearch.core.errors import InputError
from lcsearch.core.job import Job, Report, Verdict
from lcsearch.core.records import TrialRecord
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow


def search(path: Path, **changes: object) -> tuple[TrialRecord, ...]:
    with session(path, **changes) as opened:
        assert opened.run() is None
    return read_run(path).trials


def test_starts_with_the_backbone_and_hand_picked_models(tmp_path: Path) -> None:
    trials = search(tmp_path / "run")
    assert trials[0].origin == "baseline"
    assert trials[0].params == 399_050  # base at one channel: 399,626 - 576
    origins = [t.origin for t in trials]
    assert origins[1:4] == ["thinner", "uniform", "given"]
    rivals = [origin for origin in origins if origin in ("thinner", "uniform")]
    assert rivals == ["thinner", "uniform"] * (len(rivals) // 2)
    assert len(rivals) >= 6 and origins.index("sampler") < origins.index("thinner", 2)
    assert sum(t.state in ("complete", "pruned") and t.duplicate_of is None for t in trials) == 12


def test_one_seed_gives_identical_runs_and_another_seed_does_not(tmp_path: Path) -> None:
    first = outline(search(tmp_path / "a", seed=3))
    assert first == outline(search(tmp_path / "b", seed=3))
    assert first != outline(search(tmp_path / "c", seed=4))


class Interrupting(Simulated):
    """Interrupts the search at one epoch of one trial, as Ctrl-C does."""

    def __init__(self, number: int, epoch: int) -> None:
        self.number, self.epoch = number, epoch
        self.interrupt = lambda: None

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        def intercepted(epoch: int, metrics: Mapping[str, float]) -> bool:
            if (job.number, epoch) == (self.number, self.epoch):
                self.interrupt()
            return report(epoch, metrics)

        return super().__call__(job, intercepted)


@pytest.mark.parametrize("sampler", ["recombine", "nsga2"])
def test_a_run_in_two_sessions_is_identical_to_one(tmp_path: Path, sampler: str) -> None:
    whole = search(tmp_path / "whole", trials=20, sampler=sampler)
    objective = Interrupting(12, 1)
    with session(tmp_path / "parts", objective, trials=20, sampler=sampler) as opened:
        objective.interrupt = opened.director.interrupt
        assert opened.run() is None
    assert len(read_run(tmp_path / "parts").trials) == 13
    parts = search(tmp_path / "parts", trials=20, sampler=sampler)
    assert outline(parts) == outline(whole)
    stopped = [trial for trial in whole if trial.state == "pruned"]
    assert stopped and all(trial.predicted is not None and trial.predicted_error for trial in stopped)


def test_an_interrupted_trial_goes_on_after_a_resume(tmp_path: Path) -> None:
    whole = search(tmp_path / "whole", trials=16)
    objective = Interrupting(11, 2)
    with session(tmp_path / "cut", objective, trials=16) as opened:
        objective.interrupt = opened.director.interrupt
        assert opened.run() is None
        assert opened.director.interrupted
    assert [t.number for t in read_run(tmp_path / "cut").trials if t.state == "running"] == [11]
    resumed = search(tmp_path / "cut", trials=16)
    assert outline(resumed) == outline(whole)
    assert [e.epoch for e in resumed[11].epochs] == sorted({e.epoch for e in resumed[11].epochs})


def test_a_time_too_short_for_a_trial_is_refused_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with session(path, timeout=1e-9) as opened, pytest.raises(InputError) as raised:
        opened.run()
    needed = f"a longer one is needed to go on with {path}"
    assert str(raised.value) == f"timeout=1e-09: is over before the first trial can begin; {needed}"
    assert outline(search(path, timeout=3600.0)) == outline(search(tmp_path / "whole"))
    assert search(path, timeout=1e-9, trials=13) == read_run(path).trials  # something was trained before


@pytest.mark.parametrize("max_failures", [0, 1, 2])
def test_a_trial_whose_worker_is_lost_has_so_many_more_tries(tmp_path: Path, max_failures: int) -> None:
    with session(tmp_path / "run", trials=2, max_failures=max_failures) as opened:
        director, tries = opened.director, []
        while (job := director.next_job()) is not None and job.number == 0:
            director.on_started(0, "somewhere")
            tries.append((job.attempt, job.resume))
            director.on_lost(0, "the node died")
        assert tries == [(0, False), *((attempt, True) for attempt in range(1, max_failures + 1))]
        assert (director.history[0].state, director.history[0].reason) == ("failed", "the node died")
        assert job is not None and job.number == 1 and not director.finished


def test_a_lost_trial_that_was_told_to_stop_is_told_so_again(tmp_path: Path) -> None:
    """Its verdict was recorded, and may not have reached it; trial 7 is no hand-picked one."""
    with session(tmp_path / "run", trials=20) as opened:
        director, stopped = opened.director, None
        while stopped is None and (job := director.next_job()) is not None:
            accuracy = 90.0 if job.number < 7 else 10.0
            if director.on_epoch(job.number, 1, {"accuracy": accuracy}) is Verdict.STOP:
                stopped = job.number
            else:
                director.on_complete(job.number, {"accuracy": accuracy})
        assert stopped is not None
        director.on_lost(stopped, "the node died")
        again = director.next_job()
        assert again is not None and (again.number, again.attempt) == (stopped, 1)
        assert director.on_epoch(stopped, 1, {"accuracy": 10.0}) is Verdict.STOP
        director.on_complete(stopped, {"accuracy": 10.0})
        assert director.history[stopped].state == "pruned"
        assert len(director.history[stopped].epochs) == len(director.history[stopped].decisions) == 1


class Poisoned(Simulated):
    """Gives the wrong thing in some trials."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        if job.number == 7:
            report(1, {"accuracy": math.nan})
            return {"accuracy": math.nan}
        if job.number == 8:
            return {}
        if job.number == 9:
            return {"accuracy": "high"}  # type: ignore[dict-item]
        if job.number == 10:
            raise ValueError("no such thing")
        return super().__call__(job, report)


def test_a_trial_that_goes_wrong_fails_with_its_reason_and_the_search_goes_on(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", objective=Poisoned(), trials=14)
    reasons = {t.number: t.reason for t in trials if t.state == "failed"}
    assert reasons[7] == "epoch 1: accuracy is nan"
    assert reasons[8] == "the objective gave no 'accuracy'"
    assert "'high'" in str(reasons[9]) and "str" in str(reasons[9])
    assert str(reasons[10]).startswith("ValueError: no such thing (")
    assert any(t.state in ("complete", "pruned") and t.number > 10 for t in trials)


def test_specs_over_a_limit_are_rejected_untrained(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", max_params=60_000, trials=15)
    rejected = [t for t in trials if t.state == "rejected"]
    assert rejected and all(t.params > 60_000 and not t.epochs for t in rejected)
    assert all(t.params <= 60_000 or t.origin == "baseline" for t in trials if t.state == "complete")
    assert rejected[0].reason == "over max_params"


def test_the_same_model_is_not_trained_twice(tmp_path: Path) -> None:
    thinner = search(tmp_path / "other", trials=2)[1]
    trials = search(tmp_path / "run", trials=11, given=[thinner.spec])
    copy = next(t for t in trials if t.duplicate_of is not None)
    assert (copy.origin, copy.duplicate_of, copy.epochs) == ("given", 1, ())
    assert copy.accuracy == trials[1].accuracy
    assert sum(t.duplicate_of is None for t in trials) == 11


def test_the_study_is_an_ordinary_one(tmp_path: Path) -> None:
    """Optuna itself reads the front that we read: the oracle is Optuna's own."""
    path = tmp_path / "run"
    search(path, trials=16)
    study = optuna.load_study(study_name="lcsearch", storage=f"sqlite:///{path / 'study.db'}")
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["accuracy", "params"]
    ours = {t.number for t in _front(read_run(path).trials)}
    theirs = {t.number for t in study.best_trials if "duplicate_of" not in t.user_attrs}
    assert ours == theirs
    assert all(t.state.is_finished() for t in study.trials)
    assert all(t.values is None for t in study.trials if t.state.name == "PRUNED")


def _front(trials: tuple[TrialRecord, ...]) -> list[TrialRecord]:
    from lcsearch.runs.choose import front_of

    return front_of(trials)


def test_three_objectives(tmp_path: Path) -> None:
    path = tmp_path / "run"
    search(path, objectives=("accuracy", "params", "macs"))
    study = optuna.load_study(study_name="lcsearch", storage=f"sqlite:///{path / 'study.db'}")
    assert study.metric_names == ["accuracy", "params", "macs"]
    complete = [t for t in study.trials if t.state.name == "COMPLETE"]
    assert all(t.values[2] == t.user_attrs["macs"] for t in complete)

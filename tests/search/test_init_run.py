"""Searches that cut their models out of a backbone, driven in one process without any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cut_search import (
    BACKBONE,
    PICKED,
    PROPOSED,
    SCRATCH,
    SIZES,
    TUNED,
    Clock,
    Measures,
    Outline,
    Trains,
    finish,
    opened,
    search,
)
from inline_engine import Killed
from outline import outline

from lcsearch.core.records import HAND_PICKED, TrialRecord
from lcsearch.runs.choose import front_of
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

CUT = [origin for origin in PICKED if origin != "thinner"]
ORDER = ["baseline", *["sensitivity"] * 2, *CUT, *["thinner"] * SIZES]
"""Without a search, where one trial runs after the other."""


def test_the_backbone_comes_first_then_what_is_cut_out_of_it_then_thinner_nets(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", trials=len(ORDER) + 3)
    origins = [t.origin for t in trials]
    assert origins[: len(ORDER)] == ORDER
    assert set(origins[len(ORDER) :]) == {"sampler"}
    assert trials[0].spec.recipe == SCRATCH
    assert all(t.spec.recipe == replace(SCRATCH, epochs=3 + 4) for t in trials if t.origin == "thinner")
    assert all(t.spec.recipe == TUNED for t in trials[1:] if t.origin != "thinner")
    assert [t.spec.model.layers for t in trials[1:3]] == [model.layers for model in PROPOSED]
    assert trials[1].label.startswith("least loss at ")


def parents_by_hand(trials: Sequence[TrialRecord]) -> list[int | None]:
    """For each trial the smallest of those before it that were fine-tuned, undominated and no smaller."""
    found: list[int | None] = []
    for trial in trials:
        past = [t for t in trials[: trial.number] if t.state == "complete" and t.duplicate_of is None]
        able = [
            (one.params, one.number)
            for one in past
            if one.spec.recipe.init == "backbone" and one.params >= trial.params
            if not any(
                one.spec.model.channels.get(name, 1.0) < trial.spec.model.channels.get(name, 1.0)
                for name in ("features.0", "features.4", "features.8", "features.12")
            )
            if not any(
                (other.accuracy or 0) >= (one.accuracy or 0)
                and other.params <= one.params
                and (other.accuracy, other.params) != (one.accuracy, one.params)
                for other in past
            )
        ]
        cut = trial.spec.recipe.init == "backbone" and trial.duplicate_of is None
        found.append(min(able)[1] if able and cut else None)
    return found


def test_models_are_cut_out_of_the_next_larger_one_on_the_front(tmp_path: Path) -> None:
    objective = Trains()
    with opened(tmp_path / "run", objective, inherit=True, trials=60) as session:
        assert session.run() is None
    jobs = {job.number: job for job in objective.jobs}
    trials = read_run(tmp_path / "run").trials
    parents = [t.parent for t in trials]
    assert parents == parents_by_hand(trials)
    assert parents[1] is None and parents[2] == 1 and len(set(parents)) >= 4
    thin = [trials[t.parent].spec.model for t in trials if t.parent is not None and t.spec.model.channels]
    assert thin and all(
        t.parent is None or not trials[t.parent].spec.model.channels for t in trials[len(ORDER) :]
    )
    for trial in trials:
        parent = jobs[trial.number].parent if trial.number in jobs else None
        if trial.parent is None:
            assert parent is None
        else:
            assert parent is not None and parent.model == trials[trial.parent].spec.model
            assert parent.folder == str(tmp_path / "run/trials" / str(trial.parent))
    assert all(t.parent is None for t in search(tmp_path / "alone"))


def test_the_weights_of_a_parent_stay_while_they_are_needed(tmp_path: Path) -> None:
    with opened(tmp_path / "run", inherit=True, trials=40) as session:
        search, left = session.director, []
        while (job := search.next_job()) is not None:
            left.append(job)  # three at a time: what a trial is cut out of may leave the front meanwhile
            if len(left) == 3:
                finish(search, left.pop(0))
            for one in left:
                if one.parent is not None:
                    assert (Path(one.parent.folder) / "weights.safetensors").is_file()
        for job in left:
            finish(search, job)
    trials = read_run(tmp_path / "run").trials
    kept = {int(path.parent.name) for path in (tmp_path / "run/trials").glob("*/weights.safetensors")}
    front = {t.number for t in front_of(trials)}
    assert kept == front | {t.number for t in trials if t.origin in HAND_PICKED}
    assert {t.parent for t in trials} - {None} - front  # some have left it


def test_accuracies_before_fine_tuning_are_recorded_also_of_stopped_trials(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", trials=24)
    cut = [t for t in trials if t.spec.recipe.init == "backbone" and t.duplicate_of is None]
    assert {t.state for t in cut} == {"complete", "pruned"}
    assert all(t.metrics["accuracy_before"] == 40.0 + t.number for t in cut)
    assert all("accuracy_before" not in t.metrics for t in trials if t not in cut and t.duplicate_of is None)


def test_what_must_be_cut_out_waits_for_the_backbone(tmp_path: Path) -> None:
    measures = Measures()
    with opened(tmp_path / "run", prepare=measures) as session:
        search = session.director
        jobs = [search.next_job() for _ in range(SIZES + 3)]
        assert [job and job.number for job in jobs] == [*range(SIZES + 1), None, None]
        assert [job.start for job in jobs if job] == [""] * (SIZES + 1)
        assert not search.finished
        finish(search, jobs[1])
        assert search.next_job() is None
        assert not (tmp_path / "run/start").exists()
        finish(search, jobs[0])
        later = [search.next_job() for _ in range(3)]
        assert [job and (job.number, job.start) for job in later] == [
            (number, str(tmp_path / "run/start")) for number in range(SIZES + 1, SIZES + 4)
        ]
        assert measures.made == 1


def test_a_backbone_that_fails_ends_the_run_in_one_line(tmp_path: Path) -> None:
    with opened(tmp_path / "run", Trains(fails=0)) as session:
        said = session.run()
        assert said is not None and said.startswith("trial 0, the plain backbone, failed (the loss is nan)")
        assert session.director.finished and not session.can_go_on
    assert [t.state for t in read_run(tmp_path / "run").trials] == ["failed"]
    with opened(tmp_path / "run") as again:
        assert again.run() == said
    assert len(read_run(tmp_path / "run").trials) == 1


def test_a_backbone_whose_worker_died_is_trained_again(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as session:
        search = session.director
        first = search.next_job()
        assert first is not None
        search.on_lost(first.number, "killed")
        again = search.next_job()
        assert again is not None and (again.number, again.attempt, again.resume) == (0, 1, True)


def test_interrupted_while_preparing_it_goes_on_later(tmp_path: Path) -> None:
    whole = search(tmp_path / "whole")
    prepare = Measures()
    with opened(tmp_path / "cut", prepare=prepare) as session:
        prepare.clock.tick = session.director.interrupt  # type: ignore[method-assign]
        assert session.run() is None
        assert session.director.interrupted and prepare.made == 0
    assert len(read_run(tmp_path / "cut").trials) == 1
    assert outline(search(tmp_path / "cut")) == outline(whole)


@pytest.mark.parametrize("at", [4, 5, 6, 8], ids=["training", "its end", "measuring", "the end of it"])
def test_killed_before_models_are_cut_out_it_resumes_to_the_same_run(
    tmp_path: Path, whole: Outline, at: int
) -> None:
    """Each of the backbone's 3 epochs is two moments, each third of measuring it one."""
    clock = Clock(at)
    objective, prepare = Trains(clock), Measures(clock)
    with pytest.raises(Killed), opened(tmp_path / "run", objective, prepare, inherit=True) as session:
        session.run()
    assert outline(search(tmp_path / "run", inherit=True)) == whole


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Outline:
    """An undisturbed run."""
    return outline(search(tmp_path_factory.mktemp("runs") / "whole", inherit=True))


@pytest.mark.parametrize("first", [1, 9])
def test_two_sessions_give_the_same_run_as_one(tmp_path: Path, whole: Outline, first: int) -> None:
    search(tmp_path / "run", trials=first, inherit=True)
    assert outline(search(tmp_path / "run", inherit=True)) == whole


def test_a_start_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    whole = outline(search(tmp_path / "whole", trials=14))
    search(tmp_path / "run", trials=9)
    (tmp_path / "run/start/backbone.safetensors").unlink()
    (tmp_path / "run/start/sensitivity.json").unlink()
    assert outline(search(tmp_path / "run", trials=14)) == whole


def given(path: Path, **changes: object) -> tuple[TrialRecord, ...]:
    """A run from a backbone that the user gave."""
    start = path / "start"
    start.mkdir(parents=True, exist_ok=True)
    (start / "backbone.safetensors").write_text("weights of trial 0")
    return search(path, init="/somewhere/mine.safetensors", **changes)


def test_a_given_backbone_is_fine_tuned_like_everything_cut_out_of_it(tmp_path: Path) -> None:
    trials = given(tmp_path / "run")
    assert [t.origin for t in trials][: len(ORDER)] == ORDER[:16]
    assert trials[0].spec.recipe == TUNED and trials[0].spec.model == BACKBONE
    assert trials[0].metrics["accuracy_before"] == 40.0
    assert all(t.spec.recipe == replace(SCRATCH, epochs=7) for t in trials if t.origin == "thinner")
    assert all(t.spec.recipe == TUNED for t in trials if t.origin != "thinner")
    assert outline(given(tmp_path / "halves", trials=6)) == outline(trials)[:6]
    assert outline(given(tmp_path / "halves")) == outline(trials)


def test_nothing_waits_for_a_given_backbone(tmp_path: Path) -> None:
    given(tmp_path / "run", trials=1)
    with opened(tmp_path / "run", init="/somewhere/mine.safetensors") as session:
        jobs = [session.director.next_job() for _ in range(5)]
        assert [job and job.number for job in jobs] == [1, 2, 3, 4, 5]

"""What is trained while the backbone is, where it leaves workers idle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cut_search import PICKED, SCRATCH, TAUGHT, Measures, finish, opened, search
from simulated_search import bound_base

from lcsearch.core.job import Job
from lcsearch.runs.read import read_run
from lcsearch.search.proposals.guided import GUIDED
from lcsearch.search.proposals.handpicked import known_good

pytestmark = pytest.mark.slow

BOUND = bound_base()
KNOWN = sorted(BOUND.params(one.spec.model) for one in known_good(BOUND))
"""Parameters of shapes that are known to be good."""
UNTAUGHT = replace(SCRATCH, epochs=3 + 4)
PLACES = [{"threads_alone": 0, "jobs": 4}, {"threads_alone": 1, "jobs": 4, "ray_address": "auto"}]
"""GPUs; a cluster that the run joined."""
ENOUGH = 1 + GUIDED + len(PICKED)
"""Trials for all else that is planned."""


def beside(path: Path, count: int, **changes: object) -> list[Job | None]:
    """What so many workers get while the first trains the backbone."""
    asked = {"fine_tune": TAUGHT, "scratch_below": 1.0, "trials": 60} | changes
    with opened(path, **asked) as session:  # type: ignore[arg-type]
        return [session.director.next_job() for _ in range(count + 1)][1:]


@pytest.mark.parametrize("place", PLACES)
def test_small_nets_that_nobody_teaches_are_trained_beside_the_backbone(
    tmp_path: Path, place: dict[str, object]
) -> None:
    jobs = beside(tmp_path / "run", len(KNOWN) + 1, **place)
    assert [job and BOUND.params(job.spec.model) for job in jobs] == [*KNOWN, None]
    assert len(KNOWN) == 1
    assert {job.spec.recipe for job in jobs if job} == {UNTAUGHT} and not any(
        job.start for job in jobs if job
    )


@pytest.mark.parametrize(
    "place",
    [{"threads_alone": 2, "jobs": 2}, {"threads_alone": None, "jobs": 4}, {"threads_alone": 0, "jobs": 1}],
)
def test_where_the_backbone_leaves_nobody_idle_it_is_alone(tmp_path: Path, place: dict[str, object]) -> None:
    assert beside(tmp_path / "run", 2, **place) == [None, None]


@pytest.mark.parametrize(
    ("place", "says"), [(PLACES[0], True), (PLACES[1], True), ({"threads_alone": 2, "jobs": 2}, False)]
)
def test_the_start_of_a_run_says_so(tmp_path: Path, place: dict[str, object], says: bool) -> None:
    with opened(tmp_path / "run", fine_tune=TAUGHT, scratch_below=1.0, trials=60, **place) as session:  # type: ignore[arg-type]
        lines = session.introduction()
    words = "while the backbone trains, idle workers train up to 1 small model from scratch, not taught"
    assert (words in lines) is says


def test_only_what_trains_from_scratch_anyway(tmp_path: Path) -> None:
    share = KNOWN[0] / BOUND.params(BOUND.plain())
    found = [
        beside(tmp_path / str(factor), 1, scratch_below=share * factor, **PLACES[0])[0]
        for factor in (0.99, 1.01)
    ]
    assert [job is not None for job in found] == [False, True]


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_trials_are_left_for_all_else_that_is_planned(tmp_path: Path, more: int) -> None:
    jobs = beside(tmp_path / "run", 3, trials=ENOUGH + more, **PLACES[0])
    assert len([job for job in jobs if job]) == max(more, 0)


def test_once_there_is_a_backbone_the_others_are_not_tried(tmp_path: Path) -> None:
    """Nor are they in a run with one worker, which therefore has the same trials as on one machine."""
    asked = {"fine_tune": TAUGHT, "scratch_below": 1.0, "trials": 30}
    with opened(tmp_path / "run", prepare=Measures(), **asked, **PLACES[0]) as session:  # type: ignore[arg-type]
        director = session.director
        first, second = director.next_job(), director.next_job()
        finish(director, first)
        finish(director, second)
        third = director.next_job()
        assert third and director.history[third.number].origin == "sensitivity"
    trials = search(tmp_path / "run", **asked, **PLACES[0])
    assert [t.number for t in trials if t.spec.recipe == UNTAUGHT] == [1]
    alone = search(tmp_path / "one", **asked, **PLACES[0])
    on_cores = search(tmp_path / "cores", **asked, threads_alone=2)
    assert [t.spec for t in alone] == [t.spec for t in on_cores]
    assert [t.accuracy for t in alone] == [t.accuracy for t in on_cores]


def test_taken_up_while_the_backbone_trains_none_is_tried_twice(tmp_path: Path) -> None:
    jobs = beside(tmp_path / "run", 1, **PLACES[0])
    assert jobs[0] is not None
    again = beside(tmp_path / "run", len(KNOWN), **PLACES[0])
    tried = [t.params for t in read_run(tmp_path / "run").trials if t.spec.recipe == UNTAUGHT]
    assert sorted(tried) == KNOWN and any(job and job.number == jobs[0].number for job in again)

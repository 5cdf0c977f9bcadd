"""Several workers that look at candidates for one trial, told step by step what one would see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from screened_search import HELD, TrainsAndLooks, invented, session

from lcsearch.core.job import Job, Verdict
from lcsearch.core.look import Glance, Look, Prospect
from lcsearch.core.spec import Precision, Recipe
from lcsearch.runs.read import read_run
from lcsearch.search.director import SearchDirector
from lcsearch.search.observer import Observer
from lcsearch.search.session import SearchSession

pytestmark = pytest.mark.slow


def train(director: SearchDirector, job: Job, objective: TrainsAndLooks) -> None:
    director.on_started(job.number, "one")

    def report(epoch: int, metrics: dict[str, float]) -> bool:
        return director.on_epoch(job.number, epoch, metrics) is Verdict.GO_ON

    director.on_complete(job.number, objective(job, report))  # type: ignore[arg-type]


def first_look(director: SearchDirector) -> Look:
    """Train until candidates are to be looked at."""
    objective = TrainsAndLooks()
    while isinstance(work := director.next_job(), Job):
        train(director, work, objective)
    assert work is not None
    return work


def glance(director: SearchDirector, look: Look, one: Prospect, images: int) -> Verdict:
    parent = one.parent and Path(one.parent.folder).name
    accuracy = invented(one.model, parent) if images else 100.0
    return director.on_epoch(look.number, 1, Glance(accuracy, 100.0, images, images, one.place).metrics())


def looked_at(director: SearchDirector, look: Look) -> None:
    for one in look.prospects:
        for images in (0, *look.counts):
            if glance(director, look, one, images) is not Verdict.GO_ON:
                break
    director.on_complete(look.number, {})


@pytest.fixture
def opened(tmp_path: Path) -> SearchSession:
    return session(tmp_path / "run")


def test_idle_workers_share_the_candidates_and_nobody_begins_before_all_were_seen(
    opened: SearchSession,
) -> None:
    with opened as search:
        director = search.director
        one = first_look(director)
        two = director.next_job()
        assert isinstance(two, Look) and two.number != one.number
        assert [p.place for p in one.prospects] == [0, 1, 2, 3] and [p.place for p in two.prospects] == [4, 5]
        assert director.next_job() is None and not director.finished
        looked_at(director, two)
        assert director.next_job() is None
        looked_at(director, one)
        trial = director.next_job()
        assert isinstance(trial, Job) and trial.held == 0
        screened = director.history[trial.number].screened
        assert screened is not None and screened.models >= 2
        best = max(one.accuracy for one in screened.looked if one.images == HELD)
        assert screened.accuracy is None or screened.accuracy <= best


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_candidates_are_judged_in_the_runs_precision(tmp_path: Path, precision: Precision) -> None:
    with session(tmp_path / "run", recipe=Recipe(epochs=4, precision=precision)) as search:
        assert first_look(search.director).precision == precision


def test_who_cannot_come_out_ahead_any_more_is_left_by_all_workers(opened: SearchSession) -> None:
    """One worker sees a candidate with all right; then another leaves one that is mostly wrong."""
    with opened as search:
        director = search.director
        one = first_look(director)
        two = director.next_job()
        assert isinstance(two, Look)
        poor, good = one.prospects[0], two.prospects[0]
        assert glance(director, one, poor, 0) is Verdict.GO_ON
        for images in (0, 25, 50, 100):
            verdict = director.on_epoch(two.number, 1, Glance(100.0, 100.0, images, 0, good.place).metrics())
        assert verdict is Verdict.STOP
        told = Glance(1.0, 100.0, 25, 0, poor.place).metrics()
        assert director.on_epoch(one.number, 2, told) is Verdict.STOP


class Hears(Observer):
    def __init__(self) -> None:
        self.remarks = list[str]()

    def remark(self, words: str) -> None:
        self.remarks.append(words)


def ends(director: SearchDirector, how: Callable[[int, str], None], times: int) -> list[int]:
    """Let so many looks end at their first candidate; the places of the next look."""
    look = director.next_job()
    for _ in range(times):
        assert isinstance(look, Look)
        glance(director, look, look.prospects[0], 0)
        how(look.number, "the worker died")
        look = director.next_job()
    assert isinstance(look, Look)
    return [one.place for one in look.prospects]


def test_a_candidate_that_ends_workers_is_given_up_and_the_others_are_looked_at(tmp_path: Path) -> None:
    with session(tmp_path / "run", max_failures=2) as search:
        director, hears = search.director, Hears()
        search.watch(hears)
        director.on_lost(first_look(director).number, "the worker died")
        assert ends(director, director.on_lost, 1) == [0, 1, 2, 3] and not hears.remarks
    with session(tmp_path / "run", max_failures=2) as search:
        director = search.director
        search.watch(hears)
        assert ends(director, director.on_lost, 3) == [1, 2, 3, 4]
        assert hears.remarks == ["a candidate cannot be looked at: the worker died"]
    with session(tmp_path / "run") as search:
        search.watch(hears)
        assert ends(search.director, search.director.on_failed, 1) == [2, 3, 4, 5], "that is recorded"
        assert len(hears.remarks) == 2


def test_what_candidates_are_cut_out_of_is_kept_until_one_is_chosen(opened: SearchSession) -> None:
    """Also where it leaves the front meanwhile."""
    with opened as search:
        director = search.director
        look = first_look(director)
        parents = {Path(one.parent.folder) for one in look.prospects if one.parent is not None}
        assert parents
        held = {int(parent.name) for parent in parents}
        assert held <= director.history.keepers()
        front = {trial.number for trial in director.history.front()}
        director.history._front = []  # as if better ones had come
        director.history._hand_picked = set()  # of these the weights are kept anyway
        assert held <= director.history.keepers()
        looked_at(director, look)
        while isinstance(work := director.next_job(), Look):
            looked_at(director, work)
        assert isinstance(work, Job)
        director.on_failed(work.number, "what was chosen needs its own parent no longer either")
        kept = director.history.keepers()
        assert not held & kept and front - kept
        for number in held:
            assert (search.path / f"trials/{number}/weights.safetensors").is_file() == (number in kept)


def test_the_time_is_up_while_candidates_are_looked_at(tmp_path: Path) -> None:
    with session(tmp_path / "run", timeout=1000.0) as search:
        director = search.director
        look = first_look(director)
        director._begun -= 2000.0
        assert glance(director, look, look.prospects[0], 0) is Verdict.SUSPEND
        assert not director.finished
        director.on_suspended(look.number)
        assert director.finished and director.ending == "the time is up"


def test_time_spent_on_looks_is_that_of_the_trial_they_are_for(tmp_path: Path) -> None:
    with session(tmp_path / "run", profile=True) as search:
        director = search.director
        work = first_look(director)
        while isinstance(work, Look):
            assert work.profile
            director.on_spent(work.number, {"fitting": 2.0, "other": 0.5})
            looked_at(director, work)
            looks = -work.number
            work = director.next_job()
        assert isinstance(work, Job)
        assert director.history[work.number].spent == {"fitting": 2.0 * looks, "other": 0.5 * looks}
    assert read_run(tmp_path / "run").trials[work.number].spent == {
        "fitting": 2.0 * looks, "other": 0.5 * looks,
    }  # fmt: skip

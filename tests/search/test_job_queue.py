"""Jobs that wait, and jobs that an engine has."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_director import jobs

from lcsearch.core.job import Job
from lcsearch.search.job_queue import JobQueue

JOBS = jobs(Path("run"), 3)


def filled(max_failures: int = 1) -> JobQueue:
    queue = JobQueue(max_failures)
    for job in JOBS:
        queue.add(job)
    return queue


def numbers(found: list[Job | None]) -> list[int | None]:
    return [None if job is None else job.number for job in found]


def test_who_has_waited_longest_comes_first() -> None:
    queue = filled()
    assert queue.waiting == JOBS
    assert numbers([queue.take() for _ in range(4)]) == [0, 1, 2, None]
    assert queue.waiting == []


def test_it_is_idle_once_nothing_waits_and_nothing_is_live() -> None:
    queue = filled()
    taken = [queue.take() for _ in JOBS]
    assert not queue.idle
    for job in taken:
        assert job is not None and not queue.idle
        queue.end(job.number)
    assert queue.idle


def test_interrupted_it_is_idle_once_nothing_is_live() -> None:
    queue = filled()
    queue.take()
    queue.interrupt()
    assert queue.interrupted and not queue.idle
    assert queue.take() is None
    queue.end(0)
    assert queue.idle and numbers(list(queue.waiting)) == [1, 2]


def test_the_end_of_a_job_that_was_never_taken_changes_nothing() -> None:
    queue = filled()
    queue.end(7)
    assert queue.waiting == JOBS


@pytest.mark.parametrize("max_failures", [0, 1, 3])
def test_a_job_is_tried_so_many_times_again_and_not_once_more(max_failures: int) -> None:
    queue = JobQueue(max_failures)
    queue.add(JOBS[0])
    seen, again = [], []
    while (job := queue.take()) is not None:
        seen.append((job.attempt, job.resume))
        again.append(queue.try_again(job.number))
    assert seen == [(0, False), *((attempt, True) for attempt in range(1, max_failures + 1))]
    assert again == [*[True] * max_failures, False]
    assert not queue.idle  # it is live until its director says what came of it
    queue.end(0)
    assert queue.idle


def test_who_is_tried_again_waits_behind_the_others() -> None:
    queue = filled()
    queue.take()
    assert queue.try_again(0)
    assert numbers([queue.take() for _ in range(3)]) == [1, 2, 0]

"""The jobs of a director: those that wait, and those that an engine has."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from lcsearch.core.job import Job


class JobQueue:
    """Hands out jobs first come, first served, and those whose worker was lost again.

    Args:
        max_failures: How often a job whose worker was lost is tried again.
    """

    def __init__(self, max_failures: int) -> None:
        self._max_failures = max_failures
        self._waiting: deque[Job] = deque()
        self._live: dict[int, Job] = {}
        self.interrupted = False

    @property
    def waiting(self) -> list[Job]:
        """What is not handed out yet."""
        return list(self._waiting)

    @property
    def idle(self) -> bool:
        """True while nothing is handed out, and nothing that waits ever will be."""
        return not self._live and (self.interrupted or not self._waiting)

    def interrupt(self) -> None:
        """Hand out nothing more."""
        self.interrupted = True

    def add(self, job: Job) -> None:
        """Let a job wait behind all others."""
        self._waiting.append(job)

    def take(self) -> Job | None:
        """The job that has waited longest; None where none waits or nothing is handed out any more."""
        if self.interrupted or not self._waiting:
            return None
        job = self._waiting.popleft()
        self._live[job.number] = job
        return job

    def end(self, number: int) -> None:
        """A job is over, or left until a later session; one that was not handed out may be meant too."""
        self._live.pop(number, None)

    def try_again(self, number: int) -> bool:
        """Let a job wait again whose worker was lost, to go on from its checkpoint.

        Returns:
            False once it had its chances; it is handed out still.
        """
        job = self._live[number]
        if job.attempt >= self._max_failures:
            return False
        del self._live[number]
        self.add(replace(job, attempt=job.attempt + 1, resume=True))
        return True

"""What takes long to work out of a run, and is asked for more than once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from lcsearch.core.records import RunRecord

_Answer = TypeVar("_Answer")


def remember_last(question: Callable[[RunRecord], _Answer]) -> Callable[[RunRecord], _Answer]:
    """Let a function of a run keep its answer until it is asked of another run.

    Args:
        question: Gives the same answer for the same run.
    """
    last: list[tuple[RunRecord, _Answer]] = []

    @wraps(question)
    def remembered(run: RunRecord) -> _Answer:
        if not last or last[0][0] is not run:
            last[:] = [(run, question(run))]
        return last[0][1]

    return remembered

"""Looks at models before any training: what a worker reports of candidates, and of its own trial's model."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from lcsearch.compress.looks import Looker
from lcsearch.core.job import BEFORE, Job, Report
from lcsearch.core.look import Glance, Look

_kept: dict[Hashable, Looker] = {}


def looker_of(key: Hashable, make: Callable[[], Looker]) -> Looker:
    """What this process looks with; it is kept until another one is asked for.

    Args:
        key: Tells which one is meant.
        make: Makes it.
    """
    if key not in _kept:
        _kept.clear()
        _kept[key] = make()
    return _kept[key]


def look_at(look: Look, looker: Looker, report: Report) -> None:
    """Look at candidates, each until the report says to stop or all images have judged it.

    Args:
        look: The candidates.
        looker: Cuts them out.
        report: As `lcsearch.core.look.Looks.look` has it.
    """
    looker.passed()
    told = 0
    for one in look.prospects:
        model, start, parent = one.model, look.start, one.parent
        cut, most = None, looker.most(model, start, parent)
        for count in (0, *look.counts):
            if count and cut is None:
                cut = looker.cut(model, start, parent)
                most = most if cut.able else 0.0
            accuracy = most if cut is None else cut.accuracy(count)
            told += 1
            if not report(told, Glance(accuracy, most, count, looker.passed(), one.place).metrics()):
                break


def look_first(job: Job, looker: Looker, report: Report) -> None:
    """Look at a trial's own model before it is trained, on all images."""
    looker.passed()
    model, start, parent = job.spec.model, job.start, job.parent
    most, cut = looker.most(model, start, parent), looker.cut(model, start, parent)
    accuracy = cut.accuracy(job.held)
    report(BEFORE, Glance(accuracy, most, job.held, looker.passed()).metrics())

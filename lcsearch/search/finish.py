"""What a search leaves in its run directory when it ends: best.yaml, report.html, and where its time went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lcsearch.core.config import write_config
from lcsearch.core.errors import InputError, file_fault
from lcsearch.core.files import write_text
from lcsearch.core.metric import metric_words
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.runs.choose import Choice, choose, front_of, source_of
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.spent import FILE, spent_table, spent_words

DROP = 0.5
"""``best.yaml`` is the smallest model within so many points of the backbone's accuracy."""


@dataclass(frozen=True)
class Finish:
    """What a session left.

    Attributes:
        trials: Every trial of the run.
        front: The front by rising parameters.
        chosen: The trial in best.yaml; None where there is none.
        lines: What to tell the user.
        metric: What people call an accuracy of the run.
    """

    trials: tuple[TrialRecord, ...]
    front: tuple[TrialRecord, ...]
    chosen: int | None
    lines: tuple[str, ...]
    metric: str = "accuracy"


def finish(directory: RunDirectory, why: Sequence[str]) -> Finish:
    """Write best.yaml, report.html and, where it was measured, profile.csv, as far as that can be done.

    Args:
        directory: The run directory.
        why: Why the search has ended, for the user.
    """
    run = read_run(directory.path)
    why = (*why, *_leave_profile(directory, run))
    front = tuple(front_of(run.trials))
    if not front:
        return Finish(run.trials, front, None, (*why, "no trial is complete yet"))
    choice = _choose(run)
    lines = (*why, *_leave(directory, run, choice))
    return Finish(run.trials, front, choice.trial.number, lines, metric_words(run.metric))


def _choose(run: RunRecord) -> Choice:
    """The smallest model within `DROP` points of the backbone; without a backbone the most accurate."""
    words = metric_words(run.metric)
    if run.baseline is not None:
        return choose(run.trials, run.baseline, max_drop=DROP, metric=words)
    return choose(run.trials, None, max_params=max(t.params for t in run.trials), metric=words)


def _leave(directory: RunDirectory, run: RunRecord, choice: Choice) -> list[str]:
    """Write both files; what to tell the user of it."""
    from lcsearch import report

    trial = choice.trial
    try:
        write_config(directory.best, trial.spec, source_of(run, choice))
        report.write(run, directory.report)
        report_line = f"report: {directory.report}"
    except InputError as error:
        report_line = f"no report: {error}"
    except OSError as error:
        return [f"no best.yaml or report: {file_fault(error)}"]
    return [
        f"best.yaml holds trial {trial.number}, {choice.why}",
        report_line,
        f"config: {directory.best}; study: {directory.study}",
    ]


def _leave_profile(directory: RunDirectory, run: RunRecord) -> list[str]:
    """Write where the workers' time went, if that was measured; what to tell the user of it."""
    table, words = spent_table(run.trials), spent_words(run.trials)
    if table is None or words is None:
        return []
    file = directory.path / FILE
    try:
        write_text(file, table)
    except (InputError, OSError):
        return [words]  # the report has it too
    return [f"{words} ({file})"]

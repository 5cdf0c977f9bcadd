"""The report of a run as one page: records in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lcsearch.core.metric import metric_words
from lcsearch.core.records import RunRecord
from lcsearch.core.text import format_count
from lcsearch.report.drawing import draw_all
from lcsearch.report.evidence import Target
from lcsearch.report.fill import document
from lcsearch.report.front_rows import families_words, front_rows
from lcsearch.report.heading import remarks, title
from lcsearch.report.interpolate import Needed
from lcsearch.report.kinds import KINDS
from lcsearch.report.payload import payload
from lcsearch.report.places import sections
from lcsearch.report.start import start_words
from lcsearch.report.verdict import Verdict, verdict


def render(run: RunRecord, live: int | None = None) -> str:
    """Return the report of a run as one HTML page.

    Args:
        run: The run.
        live: Seconds after which the page loads itself again; None for a page that stays.

    Raises:
        InputError: The run has nothing to show yet.
    """
    drawings = draw_all(run)
    judged = verdict(run)
    shown = front_rows(run)
    return document(
        "report.html",
        payload(run, drawings, live),
        title=title(run),
        remarks=remarks(run),
        verdict=judged,
        start=start_words(run),
        needed=_needed_table(judged),
        sections=sections(drawings),
        front=shown,
        families=families_words(run),
        baseline=run.baseline,
        metric=metric_words(run.metric),
        tuned=any(trial.accuracy_before is not None for trial in shown),
    )


def _needed_table(judged: Verdict) -> dict[str, Any] | None:
    if not judged.targets:
        return None
    kinds = [kind for kind in KINDS if kind == "search" or kind in judged.targets[0].needed]
    return {"head": ["parameters for", *kinds], "rows": [_needed_row(row, kinds) for row in judged.targets]}


def _needed_row(row: Target, kinds: Sequence[str]) -> list[str]:
    name = "backbone's" if not row.drop else f"{row.drop:g} less:"
    return [f"{name} {row.accuracy:.1f} %", *[_needed(row.needed.get(kind)) for kind in kinds]]


def _needed(needed: Needed | None) -> str:
    if needed is None:
        return "–"
    return ("≤ " if needed.at_most else "") + format_count(needed.params)

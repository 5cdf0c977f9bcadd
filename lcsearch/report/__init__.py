"""The report: what a run shows, as plain records, apart from the drawing of them."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.records import RunRecord


def write(run: RunRecord, path: Path, live: int | None = None) -> None:
    """Write the report of a run as one self-contained HTML page.

    Args:
        run: The run.
        path: The file to write; it is replaced in one step.
        live: Seconds after which the page loads itself again; None for a page that stays.

    Raises:
        InputError: The run has nothing to show yet, or the path is not writable.
    """
    from lcsearch.core.files import write_text
    from lcsearch.report.page import render

    write_text(path, render(run, live))

"""What stands at the top of a page."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.records import RunRecord
from lcsearch.report.heading import remarks


def test_what_a_run_notes_comes_last() -> None:
    notes = ["nets:tall gives a tuple in training", "one class holds 85 % of the images"]
    assert remarks(RunRecord(Path("runs/a"), {"notes": notes}, 100, ()))[-2:] == tuple(notes)


def test_a_run_of_an_older_version_notes_nothing() -> None:
    assert len(remarks(RunRecord(Path("runs/a"), {}, 100, ()))) == 3

"""Reads a run: what report, status, export and ``given`` work on. Writes nothing."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.errors import InputError
from lcsearch.core.records import RunRecord
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.retrained import read_retrained
from lcsearch.runs.storage import open_storage, study_name
from lcsearch.runs.store import Store


def read_run(path: Path) -> RunRecord:
    """Read everything that a run has recorded.

    Raises:
        InputError: It is no run directory, or its study or the results of its retraining are damaged.
    """
    directory = RunDirectory.open(path)
    recorded = directory.read()
    settings = recorded.settings
    if settings.storage is None and not directory.study.is_file():
        raise InputError(f"{directory.study}: is missing; the run has not recorded anything")
    store = Store(open_storage(settings, directory), settings.objectives, study_name(settings, directory))
    try:
        trials = tuple(record for record, _ in store.read())
    finally:
        store.close()
    return RunRecord(path, recorded.to_plain(), recorded.facts.smallest_params, trials, read_retrained(path))

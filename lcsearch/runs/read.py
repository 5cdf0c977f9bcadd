"""Reads a run: what report, status, export and ``given`` work on. Writes nothing."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.records import RunRecord
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.retrained import read_retrained
from lcsearch.runs.storage import read_storage, study_name
from lcsearch.runs.store import read_trials


def read_run(path: Path) -> RunRecord:
    """Read everything that a run has recorded.

    Raises:
        InputError: It is no run directory, or its study or the results of its retraining are damaged.
        HaltError: Another program holds its study, or it cannot be read.
    """
    directory = RunDirectory.open(path)
    recorded = directory.read()
    settings = recorded.settings
    name = study_name(settings, directory)
    trials = read_storage(settings, directory, lambda storage: read_trials(storage, name))
    return RunRecord(path, recorded.to_plain(), recorded.facts.smallest_params, trials, read_retrained(path))

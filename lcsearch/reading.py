"""Reads a run: what report, status, export and ``--from`` work on. Writes nothing."""

from __future__ import annotations

from pathlib import Path

from lcsearch.errors import InputError
from lcsearch.records import RunRecord
from lcsearch.retrain.results import read_retrained
from lcsearch.rundir import RunDirectory
from lcsearch.settings import RunSettings
from lcsearch.storages import open_storage, study_name
from lcsearch.study import Store


def read_run(path: Path) -> RunRecord:
    """Read everything that a run has recorded.

    Raises:
        InputError: It is no run directory, or its study or the results of its retraining are damaged.
    """
    directory = RunDirectory.open(path)
    plain = directory.read_settings()
    settings = RunSettings.from_plain(plain["settings"], str(directory.settings))
    if settings.storage is None and not directory.study.is_file():
        raise InputError(f"{directory.study}: is missing; the run has not recorded anything")
    store = Store(open_storage(settings, directory), settings.objectives, study_name(settings, directory))
    try:
        trials = tuple(record for record, _ in store.read())
    finally:
        store.close()
    return RunRecord(path, plain, plain["facts"]["smallest_params"], trials, read_retrained(path))

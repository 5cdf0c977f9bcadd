"""Where studies lie: an SQLite file in the run directory, or a database server."""

from __future__ import annotations

import logging
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from lcsearch.errors import InputError
from lcsearch.rundir import RunDirectory
from lcsearch.settings import RunSettings


def study_name(settings: RunSettings, directory: RunDirectory) -> str:
    """The name of a run's study: fixed in a file of its own; on a server one that no other run has."""
    if settings.storage is None:
        return "lcsearch"
    return str(directory.read_settings().get("study", f"lcsearch:{directory.path.resolve().name}"))


def open_storage(settings: RunSettings, directory: RunDirectory) -> RDBStorage:
    """Open the storage of a run, which is made where there is none.

    Raises:
        InputError: It is damaged, from another version of Optuna, or not reached.
    """
    if settings.storage is None:
        return sqlite_storage(str(directory.study))
    return server_storage(settings.storage)


def sqlite_storage(path: str) -> RDBStorage:
    """An SQLite file, in the mode that makes a commit cost milliseconds and survives ``kill -9``.

    Raises:
        InputError: The file is damaged or from a newer Optuna.
    """

    def tune(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    storage = _open(f"sqlite:///{path}", path)
    sqlalchemy.event.listen(storage.engine, "connect", tune)
    storage.engine.dispose()
    return storage


def server_storage(url: str) -> RDBStorage:
    """An Optuna storage on a database server.

    Raises:
        InputError: It is not reached, or its driver is not installed.
    """
    return _open(url, sqlalchemy.engine.make_url(url).render_as_string(hide_password=True))


def _open(url: str, name: str) -> RDBStorage:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        storage = RDBStorage(url)
        storage.get_all_studies()
        return storage
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        cause = getattr(error, "orig", None) or error
        raise InputError(f"{name}: is damaged or no Optuna study: {' '.join(str(cause).split())}") from None
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise InputError(f"{name}: was written by another version of Optuna: {text}") from None
    except ImportError as error:
        raise InputError(f"--storage: {name} needs a driver that is not installed: {error}") from None

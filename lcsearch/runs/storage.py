"""Where studies lie: an SQLite file in the run directory, or a database server."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from optuna.storages import RDBStorage

from lcsearch.core.errors import InputError, Named
from lcsearch.runs.database import DATABASE_ERRORS, cause_of, open_rdb
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.sqlite import close, read_sqlite, sqlite_storage

_CONNECT_SECONDS = 10
_Answer = TypeVar("_Answer")
_FORM = "DRIVER://USER@HOST/DATABASE is needed, such as postgresql://me@server/studies"


def study_name(settings: RunSettings, directory: RunDirectory) -> str:
    """The name of a run's study: fixed in a file of its own; on a server one that no other run has."""
    if settings.storage is None:
        return "lcsearch"
    return directory.read().study or f"lcsearch:{directory.path.resolve().name}"


def open_storage(settings: RunSettings, directory: RunDirectory) -> RDBStorage:
    """Open the storage of a run to write; it is made where there is none.

    Raises:
        InputError: It is gone or damaged, from another version of Optuna, or not reached.
        HaltError: Another program holds it, or it cannot be written.
    """
    if settings.storage is None:
        if _is_blank(directory.study) and directory.has_trials():
            raise InputError(f"{directory.study}: is missing, though trials have run; put it back")
        return sqlite_storage(directory.study)
    return server_storage(settings.storage)


def read_storage(
    settings: RunSettings, directory: RunDirectory, read: Callable[[RDBStorage], _Answer]
) -> _Answer:
    """Read the storage of a run, and write nothing.

    Args:
        settings: Of the run.
        directory: Of the run.
        read: Called with the storage.

    Raises:
        InputError: It is missing, damaged, from another version of Optuna, or not reached.
        HaltError: Another program holds it, or it cannot be read.
    """
    if settings.storage is None:
        if _is_blank(directory.study):
            raise InputError(f"{directory.study}: is missing; the run has not recorded anything")
        return read_sqlite(directory.study, read)
    storage = server_storage(settings.storage, read_only=True)
    try:
        return read(storage)
    finally:
        close(storage)


def _is_blank(study: Path) -> bool:
    return not study.exists() or (study.is_file() and study.stat().st_size == 0)


def check_storage(url: str | None) -> None:
    """Make sure, before a run is made, that its server can be used; None is a file and needs no check.

    Raises:
        InputError: As `server_storage`.
    """
    if url is not None:
        close(server_storage(url))


def server_storage(url: str, *, read_only: bool = False) -> RDBStorage:
    """An Optuna storage on a database server.

    Args:
        url: As SQLAlchemy takes it.
        read_only: Make no tables where there are none.

    Raises:
        InputError: It is no such URL, its driver is not installed, or the server is not reached, refuses the
            user or has no such database. There is no password in the message.
    """
    parsed = _parse(url)
    where = (Named("storage"), f": {_shown(parsed)}")
    options: dict[str, Any] = {"pool_pre_ping": True}  # connections may be cut while trials train
    if parsed.get_backend_name() == "postgresql":
        options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    try:
        return open_rdb(parsed, where, options, read_only=read_only)
    except ImportError as error:
        missing = getattr(error.__cause__, "name", None) or error
        advice = ": pip install 'lcsearch[postgresql]'" if missing == "psycopg" else ""
        raise InputError(*where, f" needs the package {missing}, which is not installed{advice}") from None
    except DATABASE_ERRORS as error:
        reason = cause_of(error)
        for secret in _secrets(parsed):
            reason = reason.replace(secret, "***")
        raise InputError(*where, f" cannot be used: {reason}") from None


def _parse(url: str) -> sqlalchemy.URL:
    try:
        parsed = sqlalchemy.engine.make_url(url)
        if parsed.drivername == "postgresql" and find_spec("psycopg") is not None:
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect()
    except (sqlalchemy.exc.ArgumentError, ValueError):
        shown = re.sub("//.*@", "//***@", url)
        raise InputError(f"{shown!r} is no address of a database; {_FORM}", setting="storage") from None
    return parsed


def _shown(url: sqlalchemy.URL) -> str:
    hidden = {key: "***" for key in url.query if "pass" in key.lower()}
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A", "*")


def _secrets(url: sqlalchemy.URL) -> list[str]:
    found = [url.password, *(value for key, value in url.query.items() if "pass" in key.lower())]
    return [str(secret) for secret in found if secret]

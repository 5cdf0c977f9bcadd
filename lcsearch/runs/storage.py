"""Where studies lie: an SQLite file in the run directory, or a database server."""

from __future__ import annotations

import logging
import re
from importlib.util import find_spec
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from lcsearch.core.errors import InputError, Named
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.optuna_private import rdb_storage
from lcsearch.runs.settings import RunSettings

_CONNECT_SECONDS = 10
_FORM = "DRIVER://USER@HOST/DATABASE is needed, such as postgresql://me@server/studies"


def study_name(settings: RunSettings, directory: RunDirectory) -> str:
    """The name of a run's study: fixed in a file of its own; on a server one that no other run has."""
    if settings.storage is None:
        return "lcsearch"
    return directory.read().study or f"lcsearch:{directory.path.resolve().name}"


def open_storage(settings: RunSettings, directory: RunDirectory) -> RDBStorage:
    """Open the storage of a run, which is made where there is none.

    Raises:
        InputError: It is damaged, from another version of Optuna, or not reached.
    """
    if settings.storage is None:
        return sqlite_storage(str(directory.study))
    return server_storage(settings.storage)


def check_storage(url: str | None) -> None:
    """Make sure, before a run is made, that its server can be used; None is a file and needs no check.

    Raises:
        InputError: As `server_storage`.
    """
    if url is not None:
        storage = server_storage(url)
        storage.remove_session()
        storage.engine.dispose()


def sqlite_storage(path: str) -> RDBStorage:
    """An SQLite file, in the mode that makes a commit cost milliseconds and survives ``kill -9``.

    Raises:
        InputError: The file is damaged or from a newer Optuna.
    """

    def tune(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    try:
        storage = _open(f"sqlite:///{path}", (path,))
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise InputError(f"{path}: is damaged or no Optuna study: {cause_of(error)}") from None
    sqlalchemy.event.listen(storage.engine, "connect", tune)
    storage.engine.dispose()
    return storage


def server_storage(url: str) -> RDBStorage:
    """An Optuna storage on a database server.

    Args:
        url: As SQLAlchemy takes it.

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
        return _open(parsed.render_as_string(hide_password=False), where, options)
    except ImportError as error:
        missing = getattr(error.__cause__, "name", None) or error
        advice = ": pip install 'lcsearch[postgresql]'" if missing == "psycopg" else ""
        raise InputError(*where, f" needs the package {missing}, which is not installed{advice}") from None
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = cause_of(error)
        for secret in _secrets(parsed):
            reason = reason.replace(secret, "***")
        raise InputError(*where, f" cannot be used: {reason}") from None


def cause_of(error: BaseException) -> str:
    """What a database's driver says, in one line."""
    cause = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    return " ".join(str(cause).split())


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


def _open(url: str, where: tuple[str | Named, ...], options: dict[str, Any] | None = None) -> RDBStorage:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        storage = rdb_storage(url, options)
        storage.get_all_studies()
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise InputError(*where, f": was written by another version of Optuna: {text}") from None
    return storage

"""Optuna's storages in databases: opened, and used while others hold them and disks fill or get lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from lcsearch.core.errors import HaltError, InputError, Named, reason
from lcsearch.runs.optuna_private import rdb_storage

WAIT_SECONDS = 60.0
"""How long another program may hold a study before the run stops."""

DATABASE_ERRORS = (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError)
"""What Optuna's storages raise where their database fails."""

_PAUSE_SECONDS = 0.2
_OURS = (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError, sqlalchemy.exc.DataError)
_Answer = TypeVar("_Answer")

log = logging.getLogger(__name__)


def open_rdb(
    url: sqlalchemy.URL,
    where: Sequence[str | Named],
    options: Mapping[str, Any] | None = None,
    *,
    read_only: bool = False,
) -> RDBStorage:
    """Open Optuna's storage in a database.

    Args:
        url: Where it lies.
        where: What messages call it.
        options: For SQLAlchemy's ``create_engine``.
        read_only: Make no tables where there are none.

    Raises:
        InputError: It is from another version of Optuna.
        SQLAlchemyError, StorageInternalError: The database fails.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    address = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    try:
        if read_only:
            storage = RDBStorage(address, dict(options or {}), skip_table_creation=True)
        else:
            storage = rdb_storage(address, dict(options or {}))
        storage.get_all_studies()
    except RuntimeError as error:
        raise InputError(*where, f": was written by another version of Optuna: {reason(error)}") from None
    return storage


def patiently(call: Callable[[], _Answer]) -> _Answer:
    """Call into a study; while another program holds it, say so once and try again.

    Args:
        call: Is done whole or not at all.

    Raises:
        HaltError: It is still held after `WAIT_SECONDS`.
    """
    end = None
    while True:
        try:
            return call()
        except DATABASE_ERRORS as error:
            if not sqlite_says(error, "SQLITE_BUSY", "SQLITE_LOCKED"):
                raise
        if end is None:
            end = time.monotonic() + WAIT_SECONDS
            log.warning("another program holds the study; waiting for up to %g s", WAIT_SECONDS)
        if time.monotonic() >= end:
            raise HaltError(f"another program holds the study, still after {WAIT_SECONDS:g} s")
        time.sleep(_PAUSE_SECONDS)


def recorded(write: Callable[[], _Answer]) -> _Answer:
    """Use a study that is open, as `patiently` does.

    Raises:
        HaltError: The study is held, lost or damaged, or its disk is full.
    """
    try:
        return patiently(write)
    except DATABASE_ERRORS as error:
        about = _from_driver(error)
        if about is None or isinstance(about, _OURS):
            raise
        cause = cause_of(about)
        full = "disk is full" in cause
        raise HaltError("the disk is full" if full else f"the study cannot be written: {cause}") from None


def sqlite_says(error: BaseException, *names: str) -> bool:
    """Whether an error is one of SQLite's, by the names of its codes or the beginnings of these."""
    about = _from_driver(error)
    return getattr(about and about.orig, "sqlite_errorname", "").startswith(names)


def cause_of(error: BaseException) -> str:
    """What a database's driver says, in one line."""
    about = _from_driver(error)
    return reason(about.orig if about is not None and about.orig is not None else error)


def _from_driver(error: BaseException) -> sqlalchemy.exc.DBAPIError | None:
    """What SQLAlchemy made of a driver's error; Optuna wraps some of them once more."""
    about = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
    return about if isinstance(about, sqlalchemy.exc.DBAPIError) else None

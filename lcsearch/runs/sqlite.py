"""A study in an SQLite file: one process writes it, and whoever reads it leaves no trace."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from optuna.storages import RDBStorage

from lcsearch.core.errors import HaltError, InputError
from lcsearch.runs.database import DATABASE_ERRORS, cause_of, open_rdb, patiently, sqlite_says

_BUSY_SECONDS = "1"
_OUTSIDE = ("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_PERM", "SQLITE_READONLY")
"""Errors that say nothing of what the file holds."""

_Answer = TypeVar("_Answer")


def sqlite_storage(path: Path) -> RDBStorage:
    """A study's file for one who writes, in the mode that makes a commit cost milliseconds.

    It survives ``kill -9``. Whoever uses it once the file was removed or replaced gets a `HaltError`.

    Raises:
        InputError: The file is damaged, or from another version of Optuna.
        HaltError: Another program holds it, or it cannot be written.
    """
    with _said_of(path, "written"):
        storage = patiently(lambda: open_rdb(_address(path, mode="rwc"), (str(path),)))
    sqlalchemy.event.listen(storage.engine, "connect", _tune)
    sqlalchemy.event.listen(storage.engine, "checkout", _StillThere(path))
    storage.engine.dispose()
    return storage


def read_sqlite(path: Path, read: Callable[[RDBStorage], _Answer]) -> _Answer:
    """Read a study's file as it is now: neither it nor its folder is written, nor need they be writable.

    Args:
        path: The file.
        read: Called with the storage; once more where a writer came meanwhile.

    Raises:
        InputError: The file is damaged, is no study, or is from another version of Optuna.
        HaltError: Another program holds it, or it cannot be read.
    """
    with _said_of(path, "read"):
        at_rest = _at_rest(path)  # SQLite would else make files beside it, to meet a writer
        how = {"immutable": "1"} if at_rest else {"readonly_shm": "1"}
        try:
            found = patiently(lambda: _read(path, read, mode="ro", **how))
            return read_sqlite(path, read) if at_rest and not _at_rest(path) else found
        except DATABASE_ERRORS as error:
            if not sqlite_says(error, *_OUTSIDE):
                raise
        with _copied(path) as copy:  # what a killed writer left must be cleared up before it can be read
            return _read(copy, read, mode="rw")


def _read(path: Path, read: Callable[[RDBStorage], _Answer], **how: str) -> _Answer:
    storage = open_rdb(_address(path, **how), (str(path),), read_only=True)
    try:
        return read(storage)
    finally:
        close(storage)


def close(storage: RDBStorage) -> None:
    """Let go of a database."""
    storage.remove_session()
    storage.engine.dispose()


def _address(path: Path, **how: str) -> sqlalchemy.URL:
    """The file as SQLite's own address: whatever is in its name means itself."""
    query = {"uri": "true", "timeout": _BUSY_SECONDS, **how}
    return sqlalchemy.URL.create("sqlite", database=path.absolute().as_uri(), query=query)


def _tune(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


class _StillThere:
    """Asks before each use of a connection whether its file is still the one at a path.

    SQLite goes on writing into a file that was removed, and says nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._look()

    def __call__(self, *_: object) -> None:
        if self._look() != self._file:
            raise HaltError("the study was replaced by another file")

    def _look(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise HaltError(f"the study is gone: {error.strerror}") from None
        return found.st_dev, found.st_ino


def _at_rest(path: Path) -> bool:
    """Whether all that was written is in the file itself, and nobody has it open to write."""
    return not any(map(_holds_something, _beside(path)))


def _beside(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}-{kind}") for kind in ("wal", "journal")]


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """A copy of a study's file and of what belongs to it, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="lcsearch-") as folder:
        for file in filter(Path.exists, [path, *_beside(path)]):
            shutil.copyfile(file, Path(folder) / file.name)
        yield Path(folder) / path.name


@contextmanager
def _said_of(path: Path, done: str) -> Iterator[None]:
    """What fails inside is said in one line of a file."""
    try:
        yield
    except DATABASE_ERRORS as error:
        if sqlite_says(error, *_OUTSIDE):
            raise HaltError(f"{path}: cannot be {done}: {cause_of(error)}") from None
        raise InputError(f"{path}: is damaged or no Optuna study: {cause_of(error)}") from None
    except OSError as error:
        raise HaltError(f"{path}: cannot be {done}: {error.strerror}") from None
    except HaltError as error:
        raise HaltError(f"{path}: {error}") from None

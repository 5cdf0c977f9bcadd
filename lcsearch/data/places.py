"""Where data sets are looked for, and how they are fetched when they are nowhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lcsearch.core.errors import InputError, Named, reason
from lcsearch.core.room import Room
from lcsearch.data.dataset import DataSet

DOWNLOAD_TIMEOUT = 20.0


def cache_dir() -> Path:
    """``$LCSEARCH_CACHE``, else ``lcsearch`` in ``$XDG_CACHE_HOME``, else ``~/.cache/lcsearch``."""
    own = os.environ.get("LCSEARCH_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "lcsearch"


def streamed_dir(room: Room) -> Path:
    """The folder of decoded images that do not fit into memory."""
    return cache_dir() / "streamed" if room.cache is None else Path(room.cache)


def usual_places(name: str, data_dir: Path | None, *system: Path) -> list[Path]:
    """The user's folder, then those of the operating system, then the cache."""
    users = [data_dir, data_dir / name] if data_dir is not None else []
    return [*users, *system, cache_dir() / name]


def find(data_set: DataSet, data_dir: Path | None) -> Path | None:
    """The first folder that holds the data set; None where it must be downloaded.

    Raises:
        InputError: A folder cannot be read, or holds the set incompletely.
    """
    for place in data_set.places(data_dir):
        try:
            found = data_set.find(place)
        except OSError as error:
            raise InputError(f"{place}: cannot be read ({error.strerror or error})") from error
        if found is not None:
            return found
    return None


def locate(data_set: DataSet, data_dir: Path | None, *, timeout: float = DOWNLOAD_TIMEOUT) -> Path:
    """The folder that holds the data set, downloaded into the cache where it is nowhere else.

    Args:
        data_set: The data set.
        data_dir: The user's own folder.
        timeout: Seconds without an answer after which a download is given up.

    Raises:
        InputError: It is nowhere and cannot be downloaded; says what was tried and what to do.
    """
    found = find(data_set, data_dir)
    if found is not None:
        return found
    tried = "not found in " + ", ".join(str(place) for place in data_set.places(data_dir))
    if not data_set.downloads:
        raise _missing(data_set, tried, "; ", *data_set.advice)
    try:
        _download(data_set, timeout)
    except (OSError, RuntimeError, ValueError) as error:
        digits = (", or use ", Named("dataset", "digits"), ", which needs no download")
        raise _missing(
            data_set, f"{tried}, and the download failed ({reason(error)}); ", *data_set.advice, *digits
        ) from error
    found = data_set.find(cache_dir() / data_set.stored_as)
    if found is None:
        raise _missing(data_set, "the download left no usable files; ", *data_set.advice)
    return found


def _missing(data_set: DataSet, *problem: str | Named) -> InputError:
    return InputError(*problem, setting="dataset", value=data_set.name)


def _download(data_set: DataSet, timeout: float) -> None:
    """Download into a folder of its own, then rename: a cut download never looks like a data set."""
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    print(f"downloading {data_set.name} to {cache}", file=sys.stderr)
    partial = Path(tempfile.mkdtemp(prefix=f".{data_set.stored_as}-", dir=cache))
    try:
        with _socket_timeout(timeout), contextlib.redirect_stdout(sys.stderr):
            data_set.download(partial)
        target = cache / data_set.stored_as
        if target.exists() and data_set.find(target) is None:
            shutil.rmtree(target)
        if not target.exists():
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

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

from lcsearch.core.errors import InputError
from lcsearch.data.dataset import Source

DOWNLOAD_TIMEOUT = 20.0


def cache_dir() -> Path:
    """``$LCSEARCH_CACHE``, else ``lcsearch`` in ``$XDG_CACHE_HOME``, else ``~/.cache/lcsearch``."""
    own = os.environ.get("LCSEARCH_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "lcsearch"


def usual_places(name: str, data_dir: Path | None, *system: Path) -> list[Path]:
    """The user's folder, then those of the operating system, then the cache."""
    users = [data_dir, data_dir / name] if data_dir is not None else []
    return [*users, *system, cache_dir() / name]


def find(source: Source, data_dir: Path | None) -> Path | None:
    """The first folder that holds the data set; None where it must be downloaded.

    Raises:
        InputError: ``data_dir`` is no folder, or a folder holds the set incompletely.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise InputError(f"--data-dir {data_dir}: no such folder")
    for place in source.places(data_dir):
        try:
            found = source.find(place)
        except OSError as error:
            raise InputError(f"{place}: cannot be read ({error.strerror or error})") from error
        if found is not None:
            return found
    return None


def locate(source: Source, data_dir: Path | None, *, timeout: float = DOWNLOAD_TIMEOUT) -> Path:
    """The folder that holds the data set, downloaded into the cache where it is nowhere else.

    Args:
        source: The data set.
        data_dir: The user's own folder.
        timeout: Seconds without an answer after which a download is given up.

    Raises:
        InputError: It is nowhere and cannot be downloaded; says what was tried and what to do.
    """
    found = find(source, data_dir)
    if found is not None:
        return found
    tried = "not found in " + ", ".join(str(place) for place in source.places(data_dir))
    if source.download is None:
        raise InputError(f"--dataset {source.name}: {tried}; {source.advice}")
    try:
        _download(source, timeout)
    except (OSError, RuntimeError, ValueError) as error:
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            f"--dataset {source.name}: {tried}, and the download failed ({why}); {source.advice}, "
            "or use --dataset digits, which needs no download"
        ) from error
    found = source.find(cache_dir() / source.name)
    if found is None:
        raise InputError(f"--dataset {source.name}: the download left no usable files; {source.advice}")
    return found


def _download(source: Source, timeout: float) -> None:
    """Download into a folder of its own, then rename: a cut download never looks like a data set."""
    assert source.download is not None
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    print(f"downloading {source.name} to {cache}", file=sys.stderr)
    partial = Path(tempfile.mkdtemp(prefix=f".{source.name}-", dir=cache))
    try:
        with _socket_timeout(timeout), contextlib.redirect_stdout(sys.stderr):
            source.download(partial)
        target = cache / source.name
        if target.exists() and source.find(target) is None:
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

"""Temporary folders that do not stay behind, even where their process was killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "lcs"
_LOCK = ".lock"


@contextmanager
def temporary_folder(longest: int | None = None) -> Iterator[Path]:
    """A temporary folder of this process alone; those of processes that are gone are removed first.

    The folder holds a lock that the system lets go of when its process ends, however that ends.

    Args:
        longest: The most letters its path may have; a longer one is made in ``/tmp`` instead.

    Yields:
        The folder.
    """
    from filelock import FileLock

    place = Path(tempfile.gettempdir()).resolve()
    if longest is not None and len(str(place / f"{_PREFIX}12345678")) > longest:
        place = Path("/tmp")
    _remove_abandoned(place)
    # Under its final name only once it is locked, so that nobody takes it for an abandoned one.
    made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=place))
    lock = FileLock(made / _LOCK)
    lock.acquire()
    folder = made.rename(made.with_name(made.name.removeprefix(".")))
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    """Remove what `temporary_folder` has made in a folder for processes that are gone."""
    from filelock import FileLock, Timeout

    for folder in parent.glob(f"{_PREFIX}*"):
        if not (folder / _LOCK).is_file():
            continue
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):  # in use, or somebody else's
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()

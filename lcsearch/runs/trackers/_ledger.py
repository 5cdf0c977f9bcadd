"""Which trainings a tracker has written to their end, for places that cannot be asked."""

from __future__ import annotations

import hashlib
from pathlib import Path


class Ledger:
    """A file of the run directory with a line for each training that is written whole.

    Args:
        run: The run directory.
        tracker: The tracker's name.
        place: Where it writes.
    """

    def __init__(self, run: Path, tracker: str, place: str) -> None:
        digest = hashlib.sha256(place.encode()).hexdigest()[:8]
        self._file = run / "trackers" / f"{tracker}-{digest}.txt"
        self._file.parent.mkdir(exist_ok=True)
        self._names = set(self._file.read_text().split()) if self._file.is_file() else set[str]()

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        """Write that a training is written whole."""
        self._names.add(name)
        with self._file.open("a") as file:
            file.write(f"{name}\n")

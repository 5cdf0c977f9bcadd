"""The finished epochs of one training of ``lcsearch retrain``, in a file beside its folder.

It does not lie in the folder: engines may take that elsewhere while the training runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from lcsearch.core.records import EpochRecord


class EpochFile:
    """The epochs of one training, a line each.

    Args:
        folder: The training's, which the file lies beside.
        fingerprint: Of the spec that is trained: epochs of another are not read.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._path = folder.with_name(f"{folder.name}-epochs.jsonl")
        self._fingerprint = fingerprint

    def add(self, done: EpochRecord) -> None:
        """Write down an epoch behind those before it."""
        line = json.dumps({"fingerprint": self._fingerprint, **asdict(done)})
        with self._path.open("a+b") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":  # the last line was cut
                    file.write(b"\n")
            file.write(f"{line}\n".encode())

    def read(self, last: int | None = None) -> tuple[EpochRecord, ...]:
        """The epochs in order; of one that was trained twice, after a kill, the last.

        Args:
            last: The last epoch that is finished; later ones are left out, since a training that begins anew
                has not come to them. None for all.
        """
        found = {done.epoch: done for done in self._lines() if last is None or done.epoch <= last}
        return tuple(found[epoch] for epoch in sorted(found))

    def clear(self) -> None:
        """Forget them all."""
        self._path.unlink(missing_ok=True)

    def _lines(self) -> Iterator[EpochRecord]:
        text = self._path.read_text(encoding="utf-8", errors="replace") if self._path.is_file() else ""
        for line in text.splitlines():
            with suppress(json.JSONDecodeError):  # a line that was cut
                plain = json.loads(line)
                if plain.pop("fingerprint") == self._fingerprint:
                    yield EpochRecord(**plain)

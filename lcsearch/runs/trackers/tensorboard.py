"""TensorBoard: ``tensorboard --logdir PLACE`` shows one run for the search, and one for each trial.

Each lies in a folder of its own, ``PLACE/RUN/search`` and ``PLACE/RUN/trial-0007``. When a search goes on,
what is recorded is written anew in place of what lies there: nothing is there twice, and nothing
that was lost is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from lcsearch.core.config import config_text
from lcsearch.core.packages import require
from lcsearch.core.yaml import yaml_text
from lcsearch.runs.trackers import TrackedRun
from lcsearch.runs.trackers._event_file import EventFile
from lcsearch.runs.trackers._of_parts import PartTracker
from lcsearch.runs.trackers._parts import Part, epoch_values
from lcsearch.runs.trackers._places import check_writable


class TensorBoard(PartTracker):
    """Writes event files.

    Args:
        place: A folder, which is made if need be.

    Raises:
        InputError: It is not writable, or TensorBoard is not installed.
    """

    def __init__(self, place: str) -> None:
        require(["tensorboard"], "lcsearch[tensorboard]", "track")
        self._top = Path(place).expanduser().resolve()
        super().__init__(str(self._top))
        check_writable(self._top)
        self._running: dict[str, _Part] = {}
        self._ended = 0

    def start(self, run: TrackedRun) -> None:
        """Write what is recorded already."""
        self._key = run.key
        self._folder = self._folder_of(run.name)
        self._search = EventFile(self._folder / "search", run.key)
        self._search.text("settings", _as_code(yaml_text(run.record.settings)))
        self.write_recorded(run)
        self._search.flush()

    def files_written(self, files: Sequence[Path]) -> None:
        """Say where they lie."""
        self._search.text("files", "\n".join(f"- `{file.resolve()}`" for file in files))
        self._search.flush()

    def close(self) -> None:
        """Let go of every file."""
        for part in self._running.values():
            part.close()
        self._search.close()

    def write(self, part: Part) -> None:
        """Write whatever is not there yet of a part."""
        if part.name not in self._running:
            self._running[part.name] = _Part(EventFile(self._folder / part.name, self._key), part)
        self._running[part.name].write(part)
        if part.ended:
            self._running.pop(part.name).end(part)
        if part.ended and part.on_search:
            self._ended += 1
            for tag, value in part.on_search.items():
                self._search.scalar(tag, value, self._ended, part.finished_at)
            self._search.flush()

    def _folder_of(self, name: str) -> Path:
        """``NAME``, or where other runs have the name, too, the first free of ``NAME-2``, ``NAME-3``, ..."""
        folders = (self._top / (name if number == 1 else f"{name}-{number}") for number in count(1))
        return next(folder for folder in folders if self._is_free(folder))

    def _is_free(self, folder: Path) -> bool:
        return all(file.name.endswith(f".{self._key}") for file in (folder / "search").glob("*tfevents*"))


class _Part:
    """One training's run in TensorBoard.

    Args:
        file: Its file.
        part: What is known of it.
    """

    def __init__(self, file: EventFile, part: Part) -> None:
        self._file = file
        self._epochs = 0
        file.text("spec", _as_code(config_text(part.spec)))
        file.hparams(part.title, part.choices, part.started_at)
        for tag, size in part.sizes.items():
            file.scalar(tag, size, 0, part.started_at)

    def write(self, part: Part) -> None:
        """Write the epochs that are not there yet."""
        for done in part.epochs[self._epochs :]:
            for tag, value in epoch_values(done).items():
                self._file.scalar(tag, value, done.epoch, done.finished_at)
        self._epochs = max(self._epochs, len(part.epochs))
        self._file.flush()

    def end(self, part: Part) -> None:
        """Write what became of it, and let go of the file."""
        for tag, value in part.ends.items():
            self._file.scalar(tag, value, 0, part.finished_at)
        self._file.text("state", part.words)
        self._file.end(not part.failed, part.finished_at)
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


TRACKER = TensorBoard


def _as_code(text: str) -> str:
    return f"```\n{text}```"

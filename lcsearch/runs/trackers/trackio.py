"""Trackio: a run for the search, one for each trial and each model that is trained again, in one group.

``trackio:PROJECT``; ``trackio show`` shows it. It lies where Trackio keeps its projects on this machine
(``TRACKIO_DIR``), or on the server or Space that its own environment variables name. A training that goes on
is written anew, in place of what lies there of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcsearch.core.errors import InputError
from lcsearch.core.packages import require
from lcsearch.runs.trackers import TrackedRun
from lcsearch.runs.trackers._of_parts import LedgerTracker
from lcsearch.runs.trackers._parts import Part, settings_of
from lcsearch.runs.trackers._places import check_answers, check_writable
from lcsearch.runs.trackers._quiet import quiet

if TYPE_CHECKING:
    from trackio import Run


class Trackio(LedgerTracker):
    """Writes runs of Trackio.

    Args:
        place: The project.

    Raises:
        InputError: It cannot be written, or Trackio is not installed.
    """

    def __init__(self, place: str) -> None:
        require(["trackio"], "lcsearch[trackio]", "track")
        super().__init__(place.strip())
        if not re.fullmatch(r"[\w\-. ]+", self.place):
            raise InputError(f"trackio:{place} names no project; write letters and digits", setting="track")
        _check_store()

    def start(self, run: TrackedRun) -> None:
        """Write what is recorded, as far as it is not there."""
        self._group = f"{run.name}-{run.key}"
        self.begin(run, "trackio")
        self._there = _runs_of(self.place)
        self._search = self._open("search", settings_of(run.record))
        self.write_recorded(run)

    def files_written(self, files: Sequence[Path]) -> None:
        """Keep them as artifacts of the search's run."""
        for file in files:
            with quiet():
                self._search.log_artifact(file, f"{self._group}-{file.name}", "search")

    def close(self) -> None:
        """Write what is left."""
        for run in (*(run for run, _ in self._live.values()), self._search):
            with quiet():
                run.finish()

    def exported(self, run: TrackedRun, file: Path) -> None:
        """Keep it as an artifact of a run of its own: another process may write the search's."""
        self._group, self._there = f"{run.name}-{run.key}", {}
        own = self._open(f"export-{file.name}", {"file": file.name})
        with quiet():
            own.log_artifact(file, f"{self._group}-export-{file.name}", "model")
            own.finish()

    def search_run(self) -> tuple[Run, int]:
        """A new one, in which nothing was."""
        return self._search, 0

    def open_part(self, part: Part) -> tuple[Run, int]:
        """A new run with the part's spec and sizes."""
        own = self._open(part.name, part.choices)
        own.log(dict(part.sizes), step=0)
        return own, 0

    def end_part(self, own: Run, part: Part) -> None:
        """Write what became of it at the step of its last epoch."""
        last = part.epochs[-1].epoch if part.epochs else 0
        own.log({**part.ends, "state": part.state, "result": part.words}, step=last)
        with quiet():
            own.finish()

    def _open(self, part: str, config: Mapping[str, Any]) -> Run:
        """A new run of this name, in place of what there is of it."""
        import trackio

        name = f"{self._group}-{part}"
        old = self._there.pop(name, None)
        if old is not None:
            old.delete()
        with quiet():  # in a context of its own, since a second run would end the first in the same
            return Context().run(
                trackio.init,
                self.place,
                name=name,
                group=self._group,
                config=dict(config),
                resume="allow",
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )


TRACKER = Trackio


def _runs_of(project: str) -> dict[str, Any]:
    """What there is of a project on this machine, by name."""
    import trackio

    try:
        return {found.name: found for found in trackio.Api().runs(project)}
    except ValueError:  # there is no such project yet
        return {}


def _check_store() -> None:
    server = os.environ.get("TRACKIO_SERVER_URL")
    if server:
        check_answers("trackio", server.partition("?")[0], "without TRACKIO_SERVER_URL it is kept here")
    elif not os.environ.get("TRACKIO_SPACE_ID"):
        from trackio.utils import TRACKIO_DIR

        check_writable(Path(TRACKIO_DIR))

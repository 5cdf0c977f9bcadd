"""What trials start from, such as a trained backbone: carried to nodes that do not see the driver's disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lcsearch.core.job import Job, Parent
from lcsearch.core.look import Look, Work
from lcsearch.engines.ray.trial_storage import TrialStorage

_WHOLE = ".whole"


class StartFolders:
    """The driver's side: puts each start folder on the shared storage, once.

    Args:
        shared: Shared storage; None if workers see the driver's disk.
    """

    def __init__(self, shared: TrialStorage | None) -> None:
        self._shared = shared
        self._sent: dict[str, str] = {}

    def send(self, job: Work) -> None:
        """Let workers find what a job starts from; those folders do not change any more."""
        if self._shared is None:
            return
        for folder in job.folders:
            if folder not in self._sent:
                name = self._shared.start(folder)
                self._shared.storage.push(Path(folder), name, {})
                self._sent[folder] = name

    def remove(self) -> None:
        """Remove what was sent: no trial needs it any more."""
        for name in self._sent.values():
            if self._shared is not None:
                self._shared.storage.remove(name)
        self._sent.clear()


def fetch_start(job: Job, shared: TrialStorage | None, node: Path) -> Job:
    """The worker's side: the job with the folders where it finds here what it starts from.

    Args:
        job: The job, with the driver's folders.
        shared: Shared storage; None if this worker sees the driver's disk.
        node: Folder that all workers of this node share: it is fetched once for all of them.

    Raises:
        OSError: The storage cannot be read, or the disk is full.
    """
    if shared is None:
        return job
    start = job.start and _fetch(job.start, shared, node)
    return replace(job, start=start, parent=_parent(job.parent, shared, node))


def fetch_for_look(look: Look, shared: TrialStorage | None, node: Path) -> Look:
    """The same for a look: what its candidates are cut out of."""
    if shared is None:
        return look
    here = tuple(replace(one, parent=_parent(one.parent, shared, node)) for one in look.prospects)
    return replace(look, start=_fetch(look.start, shared, node), prospects=here)


def _parent(parent: Parent | None, shared: TrialStorage, node: Path) -> Parent | None:
    return parent and replace(parent, folder=_fetch(parent.folder, shared, node))


def _fetch(driven: str, shared: TrialStorage, node: Path) -> str:
    name = shared.start(driven)
    folder = node / name.rpartition("/")[2]
    if not (folder / _WHOLE).is_file():
        shared.storage.pull(name, folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _WHOLE).touch()
    return str(folder)

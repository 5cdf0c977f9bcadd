"""What the director hears of workers that end by themselves; Tune's trials are stood in for."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray.cloudpickle
from ray.exceptions import NodeDiedError
from scripted_director import ScriptedDirector, jobs

from lcsearch.core.errors import HaltError
from lcsearch.engines.ray.dispatcher import Dispatcher
from lcsearch.engines.ray.private import WorkerMemoryError
from lcsearch.engines.ray.scheduler import DirectorScheduler

pytestmark = pytest.mark.ray


@dataclass
class Trial:
    """A trial of Tune whose worker has ended."""

    pickled_error_file: str | None
    trial_id: str = "a"


def end(folder: Path, error: Exception | None) -> ScriptedDirector:
    """What a director hears of its only trial."""
    file = folder / "error.pkl"
    if error is not None:
        file.write_bytes(ray.cloudpickle.dumps(error))
    director = ScriptedDirector(jobs(folder, 1))
    dispatcher = Dispatcher(director, lambda: 1, None)
    dispatcher.next_job("a")
    DirectorScheduler(dispatcher).on_trial_error(None, Trial(str(file)))  # type: ignore[arg-type]
    return director


def test_a_worker_that_is_gone_is_lost(tmp_path: Path) -> None:
    assert end(tmp_path, NodeDiedError("its node\ndied")).heard == [
        ("lost", 0, "the worker was lost: its node died")
    ]
    assert end(tmp_path / "none", None).heard == [("lost", 0, "the worker was lost: no reason given")]


def test_a_worker_that_was_ended_for_its_memory_has_failed(tmp_path: Path) -> None:
    error = WorkerMemoryError(error_msg="short of memory " + "x" * 1000)
    [(_, reason)] = end(tmp_path, error).reasons("failed")
    assert reason.startswith("out of memory: ") and "short of memory" in reason and len(reason) < 350


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_worker_that_could_not_begin_for_want_of_room_halts_the_run(tmp_path: Path, code: int) -> None:
    with pytest.raises(HaltError, match=r"^the disk of a worker is full: "):
        end(tmp_path, OSError(code, "no room"))

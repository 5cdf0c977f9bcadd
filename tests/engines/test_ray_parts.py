"""The parts of the Ray engine that need no Ray cluster."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray.exceptions
import torch

sys.path.insert(0, str(Path(__file__).parent))

from scripted import Scripted, jobs

from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.job import Job, Metrics, Report, Verdict
from lcsearch.engines.ray import address
from lcsearch.engines.ray.cluster import Node
from lcsearch.engines.ray.controller import WorkerMemoryError, forget_ended, survive_odd_ends
from lcsearch.engines.ray.desk import Desk
from lcsearch.engines.ray.settings import RaySettings
from lcsearch.engines.ray.sharing import pack
from lcsearch.engines.ray.storage import SharedStorage
from lcsearch.engines.ray.worker import JobThread, Message, TrialStorage


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jobs": 0}, "--jobs: 0 is below 1"),
        ({"cpus_per_trial": -1}, "--cpus-per-trial: -1 is below 0"),
        ({"cpus_per_trial": 0}, "a trial must reserve something"),
        ({"gpus_per_trial": 1.5}, "--gpus-per-trial: 1.5 is not allowed"),
        ({"address": "ray://head:10001"}, "ray://head:10001 is a Ray Client address"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        RaySettings(tmp_path, **changes)


def test_a_node_fits_as_many_trials_as_its_scarcest_resource() -> None:
    node = Node("a", "10.0.0.1", {"CPU": 16.0, "GPU": 2.0})
    assert node.fits({"CPU": 1.0, "GPU": 0.25}) == 8
    assert node.fits({"CPU": 3.0}) == 5
    assert node.fits({"CPU": 0.1}) == 160
    assert node.fits({"CPU": 1.0, "TPU": 1.0}) == 0


# data


def test_packed_data_come_back_equal_and_uncopied() -> None:
    images = torch.arange(60, dtype=torch.uint8).reshape(3, 20)
    value = {"images": images, "labels": np.arange(3), "every second": images[:, ::2], "name": "digits"}
    packed = pack(value)
    again = packed.unpack()
    assert torch.equal(again["images"], images)
    assert torch.equal(again["every second"], images[:, ::2])
    assert again["labels"].tolist() == [0, 1, 2]
    assert again["name"] == "digits"
    assert again["images"].data_ptr() in {buffer.ctypes.data for buffer in packed.buffers}
    assert len(packed.skeleton) < 1000


# address


def test_nothing_answers_at_an_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(InputError, match=rf"--ray-address: no Ray at 127.0.0.1:{port}: Connection refused"):
        address.check_cluster(f"127.0.0.1:{port}")
    with pytest.raises(InputError, match="'head' is no address; auto or HOST:PORT"):
        address.find_address("head")


def test_something_else_answers_at_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_ANSWER_SECONDS", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(InputError, match="is no Ray"):
            address.check_cluster(f"127.0.0.1:{port}")


def test_versions_must_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_ask", lambda _: {"ray_version": "1.2.3"})
    with socket.create_server(("127.0.0.1", 0)) as server:
        at = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InputError, match=rf"{at} runs Ray 1.2.3, this machine Ray {ray.__version__}"):
            address.check_cluster(at)
        monkeypatch.setattr(address, "_ask", lambda _: {"python_version": "3.1.4"})
        with pytest.raises(InputError, match=r"runs Python 3.1.4, this machine Python"):
            address.check_cluster(at)


# one job on its worker


def test_an_objective_waits_for_each_verdict(tmp_path: Path) -> None:
    reached: list[int] = []

    def objective(job: Job, report: Report) -> Metrics:
        for epoch in (1, 2, 3):
            reached.append(epoch)
            if not report(epoch, {"accuracy": float(epoch)}):
                break
        return {"accuracy": float(epoch)}

    thread = JobThread(jobs(tmp_path, 1)[0], objective, None, tmp_path)
    assert thread.next(Verdict.GO_ON).epoch == 1
    assert reached == [1]
    assert thread.next(Verdict.GO_ON).epoch == 2
    assert reached == [1, 2]
    assert thread.next(Verdict.STOP) == Message("complete", metrics={"accuracy": 2.0})


def test_ways_out_of_an_objective(tmp_path: Path) -> None:
    def leave(error: BaseException) -> Message:
        def objective(job: Job, report: Report) -> Metrics:
            raise error

        return JobThread(jobs(tmp_path, 1)[0], objective, None, tmp_path).next(Verdict.GO_ON)

    assert leave(MemoryError()).text == "out of memory"
    assert leave(ValueError("bad\nluck")).text.startswith("ValueError: bad luck (")
    assert leave(OSError(errno.ENOSPC, "full")) == Message("halt", "the disk is full")
    assert leave(OSError(errno.EDQUOT, "quota")) == Message("halt", "the disk is full")
    assert leave(OSError(errno.ENOENT, "gone")).kind == "failed"
    assert leave(SystemExit(3)).text == "the objective left with SystemExit: 3"


def test_a_full_disk_elsewhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk of the worker's node, and a full shared storage: both halt the run, and say which it is."""
    job = jobs(tmp_path / "run", 1)[0]
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def objective(job: Job, report: Report) -> Metrics:
        report(1, {"accuracy": 1.0})
        return full()  # type: ignore[return-value]

    thread = JobThread(job, objective, shared, tmp_path / "scratch")
    assert thread.next(Verdict.GO_ON).kind == "epoch"
    said = Message("halt", f"the disk of node {socket.gethostname()} is full")
    assert thread.next(Verdict.GO_ON) == said
    monkeypatch.setattr(SharedStorage, "_push", full)
    said = Message("halt", f"the storage {tmp_path / 'shared'} (--storage-path) is full")
    assert JobThread(job, objective, shared, tmp_path / "scratch").next(Verdict.GO_ON) == said


def test_a_suspended_objective_leaves_its_checkpoint_on_the_storage(tmp_path: Path) -> None:
    job = jobs(tmp_path / "run", 1)[0]
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")

    def objective(job: Job, report: Report) -> Metrics:
        Path(job.directory, "checkpoint.pt").write_text("epoch 1")
        report(1, {"accuracy": 1.0})
        raise AssertionError("not reached")

    thread = JobThread(job, objective, shared, tmp_path / "scratch")
    assert thread.next(Verdict.GO_ON).kind == "epoch"
    assert thread.next(Verdict.SUSPEND).kind == "suspended"
    assert (tmp_path / "shared" / "run" / "0" / "checkpoint.pt").read_text() == "epoch 1"
    assert not Path(job.directory).exists()


# the desk


def test_desk_holds_back_at_its_number_of_jobs(tmp_path: Path) -> None:
    director = Scripted(jobs(tmp_path, 5))
    limit = 2
    desk = Desk(director, lambda: limit, None)
    assert [desk.next_job(name) is not None for name in "abc"] == [True, True, False]
    limit = 3
    assert desk.next_job("c") is not None
    desk.hear("a", Message("complete", metrics={"accuracy": 1.0}))
    assert desk.next_job("d") is not None
    assert director.most_live == 3


def test_desk_tells_one_end_of_a_trial_once(tmp_path: Path) -> None:
    director = Scripted(jobs(tmp_path, 1))
    desk = Desk(director, lambda: 1, None)
    desk.next_job("a")
    desk.lost("a", "the node died")
    desk.lost("a", "the node died")
    desk.failed("a", "the node died")
    assert director.heard == [("lost", 0, "the node died")]
    assert not desk.finished


def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    desk = Desk(Scripted(jobs(tmp_path, 1)), lambda: 1, None)
    desk.next_job("a")
    with pytest.raises(HaltError, match="the disk of node b is full"):
        desk.hear("a", Message("halt", "the disk of node b is full"))
    assert isinstance(desk.error, HaltError)


def test_desk_moves_folders_between_disk_and_storage(tmp_path: Path) -> None:
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")
    director = Scripted(jobs(tmp_path / "run", 1, resume=True))
    folder, there = tmp_path / "run/trials/0", tmp_path / "shared/run/0"
    folder.mkdir(parents=True)
    (folder / "checkpoint.pt").write_text("from an earlier sitting")
    desk = Desk(director, lambda: 1, shared)
    desk.next_job("a")
    assert (there / "checkpoint.pt").read_text() == "from an earlier sitting"
    assert not folder.exists()
    (there / "checkpoint.pt").write_text("newer")
    desk.hear("a", Message("suspended"))
    assert (folder / "checkpoint.pt").read_text() == "newer"
    assert not there.exists()


def test_desk_keeps_the_error_that_tune_wraps(tmp_path: Path) -> None:
    class Broken(Scripted):
        def next_job(self) -> Job | None:
            raise KeyError("broken")

    desk = Desk(Broken(jobs(tmp_path, 1)), lambda: 1, None)
    with pytest.raises(KeyError):
        desk.next_job("a")
    assert isinstance(desk.error, KeyError)


# what is private in Tune


def test_tune_still_has_the_private_parts_that_are_reached_into() -> None:
    from ray.air.execution._internal import RayActorManager
    from ray.tune.execution.tune_controller import TuneController

    assert callable(RayActorManager._actor_task_failed)
    names = ("_stopped_trials", "_failed_trials", "_trials_to_cache", "_live_trials", "_resetting_trials")
    state = TuneController.__init__.__code__.co_names
    assert [name for name in (*names, "_trial_to_actor") if name not in state] == []
    assert callable(TuneController._maybe_reuse_cached_actor)
    assert callable(RayActorManager.is_actor_started)


def test_a_worker_out_of_memory_does_not_end_tune() -> None:
    class Manager:
        def _actor_task_failed(self, tracked_actor_task: object, exception: Exception) -> None:
            seen.append(exception)

    class Controller:
        _actor_manager = Manager()

    seen: list[Exception] = []
    survive_odd_ends(Controller())
    for error in (ray.exceptions.OutOfMemoryError("short of memory"), ray.exceptions.NodeDiedError("gone")):
        Controller._actor_manager._actor_task_failed(tracked_actor_task=None, exception=error)
    assert isinstance(seen[0], WorkerMemoryError)
    assert "short of memory" in str(seen[0])
    assert isinstance(seen[1], ray.exceptions.RayActorError)
    assert not isinstance(seen[1], WorkerMemoryError)


def test_ended_trials_are_forgotten() -> None:
    class Controller:
        def __init__(self) -> None:
            self.trials = ["live", "stopped", "failed"]
            self._stopped_trials, self._failed_trials = {"stopped"}, {"failed"}
            self._trials_to_cache = {"stopped", "live"}

        def get_trials(self) -> list[str]:
            return self.trials

    controller = Controller()
    forget_ended(controller)
    assert controller.trials == ["live"]
    assert controller._trials_to_cache == {"live"}
    assert controller._stopped_trials == controller._failed_trials == set()

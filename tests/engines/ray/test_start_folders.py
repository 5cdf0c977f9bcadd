"""What trials start from, on nodes that do not see the driver's disk; without Ray itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scripted_director import ScriptedDirector, jobs

from lcsearch.core.job import Job, Metrics, Parent, Report, Verdict
from lcsearch.core.look import Glance, Look, Prospect
from lcsearch.core.spec import ModelSpec
from lcsearch.engines import Ending
from lcsearch.engines.ray.dispatcher import Assignment, Dispatcher
from lcsearch.engines.ray.job_thread import JobThread
from lcsearch.engines.ray.messages import Epoch
from lcsearch.engines.ray.storage import SharedStorage
from lcsearch.engines.ray.trial_storage import TrialStorage


def starting_jobs(folder: Path) -> tuple[list[Job], Path]:
    """Two jobs that start from a folder, and one that starts from nothing."""
    start = folder / "run/start"
    start.mkdir(parents=True)
    (start / "backbone.safetensors").write_bytes(b"weights")
    (start / "teacher.safetensors").write_bytes(b"outputs")
    made = jobs(folder / "run", 3)
    return [replace(made[0], start=str(start)), replace(made[1], start=str(start)), made[2]], start


def seen(job: Job, report: Report) -> Metrics:
    """Reads what it starts from, as an objective does."""
    if not job.start:
        return {"accuracy": 1.0}
    assert (Path(job.start) / "backbone.safetensors").read_bytes() == b"weights"
    assert (Path(job.start) / "teacher.safetensors").read_bytes() == b"outputs"
    return {"accuracy": 2.0}


def test_start_folders_reach_nodes_without_the_drivers_disk(tmp_path: Path) -> None:
    made, start = starting_jobs(tmp_path)
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")
    dispatcher = Dispatcher(ScriptedDirector(made), lambda: 3, shared)
    handed = [dispatcher.next_job(name) for name in "abc"]
    for file in start.iterdir():
        file.unlink()  # the driver's disk is another machine's
    node = tmp_path / "node"
    for job, accuracy in zip(handed, (2.0, 2.0, 1.0), strict=True):
        assert job is not None
        thread = JobThread(job, seen, shared, node / str(job.number) / "files", node)
        assert thread.next(Verdict.GO_ON) == Ending("complete", metrics={"accuracy": accuracy})
    assert len(list(node.glob("start-*"))) == 1
    dispatcher.close()
    assert not list((tmp_path / "shared/run").glob("start-*"))


def test_a_start_folder_is_sent_once_and_fetched_once_for_a_node(tmp_path: Path) -> None:
    """It does not change while a run goes on; here it does, and nobody sees it."""
    made, start = starting_jobs(tmp_path)
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")
    dispatcher = Dispatcher(ScriptedDirector(made), lambda: 3, shared)
    handed = [dispatcher.next_job("a")]
    (start / "teacher.safetensors").write_bytes(b"changed after it was sent")
    handed.append(dispatcher.next_job("b"))
    for name in ("first", "second"):
        job = handed.pop(0)
        assert job is not None
        thread = JobThread(job, seen, shared, tmp_path / "node" / name, tmp_path / "node")
        assert thread.next(Verdict.GO_ON) == Ending("complete", metrics={"accuracy": 2.0})
        for file in (tmp_path / "shared/run").glob("start-*/*"):
            file.write_bytes(b"changed after it was fetched")


def test_parents_reach_nodes_without_the_drivers_disk(tmp_path: Path) -> None:
    folder = tmp_path / "run/trials/7"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"of trial 7")
    model = ModelSpec("base", 10, 1)
    made, _ = starting_jobs(tmp_path)
    made = [replace(made[0], parent=Parent(str(folder), model)), made[1]]
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")
    dispatcher = Dispatcher(ScriptedDirector(made), lambda: 2, shared)
    handed = [dispatcher.next_job(name) for name in "ab"]
    (folder / "weights.safetensors").unlink()
    found: list[Parent | None] = []

    def objective(job: Job, report: Report) -> Metrics:
        found.append(job.parent)
        return seen(job, report)

    for job in handed:
        assert job is not None
        node = tmp_path / "node"
        thread = JobThread(job, objective, shared, node / "files", node)
        assert thread.next(Verdict.GO_ON) == Ending("complete", metrics={"accuracy": 2.0})
    assert found[0] is not None and found[0].model == model and found[1] is None
    assert (Path(found[0].folder) / "weights.safetensors").read_bytes() == b"of trial 7"
    dispatcher.close()
    assert not list((tmp_path / "shared/run").glob("start-*"))


def test_workers_that_see_the_drivers_disk_read_it_there(tmp_path: Path) -> None:
    made, start = starting_jobs(tmp_path)
    told: list[str] = []

    def objective(job: Job, report: Report) -> Metrics:
        told.append(job.start)
        return seen(job, report)

    thread = JobThread(made[0], objective, None, tmp_path / "node/files", tmp_path / "node")
    assert thread.next(Verdict.GO_ON) == Ending("complete", metrics={"accuracy": 2.0})
    assert told == [str(start)]


class ReadsWhatItLooksAt:
    """Reports the number of bytes of what each candidate is cut out of."""

    def __call__(self, job: Job, report: Report) -> Metrics:
        raise AssertionError("no trial is run")

    def look(self, look: Look, report: Report) -> Metrics:
        for told, one in enumerate(look.prospects, 1):
            own = Path(look.start, "backbone.safetensors")
            file = own if one.parent is None else Path(one.parent.folder, "weights.safetensors")
            seen = float(len(file.read_bytes()))
            report(told, Glance(seen, seen, 4, 0, one.place).metrics())
        return {}


def test_what_candidates_are_cut_out_of_reaches_nodes_without_the_drivers_disk(tmp_path: Path) -> None:
    """Each folder is sent once, for looks and trials alike; a look has no folder of its own."""
    folder = tmp_path / "run/trials/7"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"of trial 7")
    made, start = starting_jobs(tmp_path)
    model = ModelSpec("base", 10, 1)
    prospects = (Prospect(3, model), Prospect(5, model, Parent(str(folder), model)))
    looks = [Look(-number, prospects, str(start), 8, (4, 8)) for number in (1, 2)]
    shared = TrialStorage(SharedStorage(str(tmp_path / "shared")), "run")
    director = ScriptedDirector([*looks, made[0]])
    dispatcher = Dispatcher(director, lambda: 3, shared)
    handed = [dispatcher.next_job("a")]
    for file in (folder / "weights.safetensors", *start.iterdir()):
        file.unlink()
    handed += [dispatcher.next_job("b"), dispatcher.next_job("c")]
    for trial_id, job in zip("ab", handed, strict=False):
        assert job is not None
        thread = JobThread(job, ReadsWhatItLooksAt(), shared, tmp_path / "node/files", tmp_path / "node")
        found = []
        while not isinstance(message := thread.next(Verdict.GO_ON), Ending):
            found.append(Glance.of(message.metrics))
            assert dispatcher.hear(trial_id, message) is Verdict.GO_ON
        assert found == [Glance(7.0, 7.0, 4, 0, 3), Glance(10.0, 10.0, 4, 0, 5)]
        assert message == Ending("complete") and dispatcher.hear(trial_id, message) is None
    assert director.ends == {-1: "complete", -2: "complete"}
    assert len(list((tmp_path / "shared/run").iterdir())) == 2
    assert repr(Assignment(looks[0])) == "look-1" and repr(Assignment(made[0])) == "trial-0.0"


def test_a_worker_that_sees_the_drivers_disk_looks_there(tmp_path: Path) -> None:
    _, start = starting_jobs(tmp_path)
    look = Look(-1, (Prospect(0, ModelSpec("base", 10, 1)),), str(start), 8, (4, 8))
    thread = JobThread(look, ReadsWhatItLooksAt(), None, tmp_path / "node/files", tmp_path / "node")
    assert isinstance(thread.next(Verdict.GO_ON), Epoch)
    assert thread.next(Verdict.STOP) == Ending("complete") and not (tmp_path / "node").exists()


def test_an_objective_that_does_not_look_fails_at_a_look_on_ray_too(tmp_path: Path) -> None:
    _, start = starting_jobs(tmp_path)
    look = Look(-1, (Prospect(0, ModelSpec("base", 10, 1)),), str(start), 8, (4, 8))
    ending = JobThread(look, seen, None, tmp_path / "files", tmp_path).next(Verdict.GO_ON)
    assert isinstance(ending, Ending) and "looks at no candidates" in ending.reason

"""The Ray engine on a real cluster of two nodes, which come, go and die."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import ray_objectives
from node_killer import NodeKiller, kill_node
from ray_objectives import Fatal, Steps, WithData
from scripted import Scripted, jobs

from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.job import Objective, Verdict
from lcsearch.core.records import TrialRecord
from lcsearch.engines.ray import probe
from lcsearch.engines.ray.cluster import Node
from lcsearch.engines.ray.engine import RayEngine, RaySettings
from lcsearch.engines.ray.storage import open_storage
from lcsearch.engines.ray.worker import Surroundings
from lcsearch.runs.read import read_run
from lcsearch.search.make import create
from lcsearch.search.options import RunOptions

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray clusters are for Linux")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one CPU each; that one was killed is noticed after 5 seconds, not 15."""
    import ray.cloudpickle
    from ray.cluster_utils import Cluster

    ray.cloudpickle.register_pickle_by_value(ray_objectives)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    often = {"health_check_period_ms": 1000}
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": often}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()
    ray.cloudpickle.unregister_pickle_by_value(ray_objectives)


@dataclass
class Place:
    """Folders of one test, and settings for it."""

    run: Path
    shared: Path
    address: str

    def engine(self, **changes: Any) -> RayEngine:
        values: dict[str, Any] = {"address": self.address, "storage_path": str(self.shared)} | changes
        return RayEngine(RaySettings(self.run, **values))

    def search(self, director: Scripted, objective: Objective, **changes: Any) -> None:
        with closing(self.engine(**changes)) as engine:
            engine.prepare(objective)
            engine.run(director, objective)


@pytest.fixture
def place(cluster: Any, tmp_path: Path) -> Place:
    (tmp_path / "run").mkdir()
    return Place(tmp_path / "run", tmp_path / "shared", cluster.address)


def test_every_way_a_trial_ends(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    def rule(number: int, epoch: int) -> Verdict | None:
        return {(1, 2): Verdict.STOP, (2, 2): Verdict.SUSPEND}.get((number, epoch))

    director, objective = Scripted(jobs(place.run, 5), rule), Steps(meet=str(place.run / "meeting"))
    with closing(place.engine()) as engine:
        engine.prepare(objective)
        assert engine.jobs == 2
        assert engine.describe() == f"Ray at {place.address}: 2 nodes, 2 CPUs"
        engine.run(director, objective)
    ends = {event[1]: event[0] for event in director.heard}
    assert ends == {0: "complete", 1: "complete", 2: "suspended", 3: "failed", 4: "complete"}
    assert director.most_live == 2
    assert {number: epochs_of(director, number) for number in range(5)} == {
        0: [1, 2, 3, 4], 1: [1, 2], 2: [1, 2], 3: [1], 4: [1, 2, 3, 4],
    }  # fmt: skip
    reason = next(str(event[2]) for event in director.heard if event[0] == "failed")
    assert reason.startswith("ValueError: three is no good (")
    assert len({worker for workers in director.workers.values() for worker in workers}) == 2
    assert (place.run / "trials/4/weights.safetensors").read_text() == "weights 4"
    assert (place.run / "trials/2/checkpoint.pt").read_text() == "2"
    assert [path for path in place.shared.rglob("*") if path.is_file()] == []
    assert capfd.readouterr() == ("", "")
    assert (place.run / "ray" / "ray.log").is_file()


def test_a_suspended_trial_goes_on_where_it_was(place: Place) -> None:
    (place.run / "trials/0").mkdir(parents=True)
    (place.run / "trials/0/checkpoint.pt").write_text("3")
    director = Scripted(jobs(place.run, 1, resume=True))
    place.search(director, Steps())
    assert director.trained == [(0, 4)]
    assert director.metrics[0]["start"] == 3


def test_a_full_disk_of_a_node_halts_the_run_which_then_goes_on(place: Place, tmp_path: Path) -> None:
    (tmp_path / "full").touch()
    director = Scripted(jobs(place.run, 3))
    with pytest.raises(HaltError, match=r"^the disk of node \S+ is full$"):
        place.search(director, Steps(full=str(tmp_path / "full")))
    assert [event for event in director.heard if event[1] == 1] == []  # it has not failed
    (tmp_path / "full").unlink()
    again = Scripted([job for job in jobs(place.run, 3, resume=True) if job.number in {1, *director.live}])
    place.search(again, Steps(full=str(tmp_path / "full")))
    assert again.metrics[1]["start"] == 2
    assert [epoch for number, epoch in again.trained if number == 1] == [3, 4]


def test_data_are_read_once_and_shared(place: Place) -> None:
    director = Scripted(jobs(place.run, 4))
    place.search(director, WithData(driver=os.getpid()))
    assert sorted(director.metrics) == [0, 1, 2, 3]
    for metrics in director.metrics.values():
        assert metrics["accuracy"] == sum(value % 256 for value in range(100_000))
        assert metrics["taken"] == 1.0
        assert metrics["shared"] == 1.0


def test_a_node_dies_and_another_comes(cluster: Any, place: Place) -> None:
    """Trial 1's node is killed after epoch 2; a third node joins, and trial 1 goes on."""
    nodes = {node.node_id[:6]: node for node in cluster.list_all_nodes()}
    head = cluster.head_node.node_id[:6]
    changes: dict[str, Any] = {}

    def rule(number: int, epoch: int) -> None:
        here = director.workers[number][-1].split("/")[1]
        if "killed" not in changes and epoch == 2 and here != head:
            changes["killed"] = number
            kill_node(cluster, nodes[here])
        elif "killed" in changes and "added" not in changes and number != changes["killed"]:
            # In the callback because Ray starts nodes from the main thread only.
            changes["added"] = cluster.add_node(num_cpus=1).node_id[:6]

    director = Scripted(jobs(place.run, 6)[:3] + jobs(place.run, 6)[4:], rule)
    place.search(director, Steps(epochs=6, seconds=0.5, meet=str(place.run / "meeting")))
    killed = changes["killed"]
    lost = [event for event in director.heard if event[0] == "lost"]
    assert [event[1] for event in lost] == [killed]
    assert str(lost[0][2]).startswith("the worker was lost: ")
    assert director.metrics[killed]["start"] >= 2
    assert sorted(director.metrics) == [0, 1, 2, 4, 5]
    assert set(director.epochs) == {(n, epoch) for n in (0, 1, 2, 4, 5) for epoch in range(1, 7)}
    assert len(director.trained) == len(set(director.trained))  # none twice
    used = {worker.split("/")[1] for workers in director.workers.values() for worker in workers}
    assert changes["added"] in used


def test_training_goes_on_where_it_was_when_its_node_dies(cluster: Any, place: Place, tmp_path: Path) -> None:
    """Real training on digits on both nodes; what comes of it equals an undisturbed local search."""
    common: dict[str, Any] = {
        "backbone": "tiny_net:tiny", "dataset": "digits", "train_images": 200, "validation_images": 200,
        "trials": 2, "epochs": 6, "batch_size": 8, "init": "scratch", "seed": 5, "device": "cpu",
        "early_stopping": "none",
    }  # fmt: skip
    there = {"engine": "ray", "ray_address": place.address, "storage_path": str(place.shared), "jobs": 2}
    with create(RunOptions(**common, **there, out=tmp_path / "ray")) as session:
        killer = NodeKiller(cluster, session)
        session.watch(killer)
        assert session.run() is None
    cluster.add_node(num_cpus=1)
    [victim] = killer.victims
    number = victim.number
    assert len(victim.epochs) >= 2
    nodes = [node for of, node in killer.workers if of == number]
    assert len(nodes) == 2 and nodes[1] == cluster.head_node.node_id[:6]
    epochs = [epoch for of, epoch in killer.heard if of == number]
    assert epochs == sorted(epochs) and epochs.count(1) == 1  # it started from an epoch above 0
    trials = read_run(tmp_path / "ray").trials
    assert trials[number].epochs[: len(victim.epochs)] == victim.epochs  # recorded once, before the node died
    assert trials[number].metrics["resumed_from"] >= len(victim.epochs) - 1 > 0
    assert "resumed_from" not in trials[1 - number].metrics
    with create(RunOptions(**common, engine="local", jobs=1, out=tmp_path / "local")) as session:
        assert session.run() is None
    assert results(trials) == results(read_run(tmp_path / "local").trials)


def results(trials: Sequence[TrialRecord]) -> list[tuple[object, ...]]:
    """What must be identical; trials of two workers may be recorded in another order."""
    found = [
        (t.number, t.state, t.spec, t.accuracy, [(e.epoch, e.accuracy) for e in t.epochs]) for t in trials
    ]
    return sorted(found, key=lambda trial: trial[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"storage_path": None}, "--storage-path: is needed, because Ray at .* has [23] nodes"),
        ({"cpus_per_trial": 64}, "--cpus-per-trial: 64 is more than any node of Ray at .* has; at most 1"),
        ({"gpus_per_trial": 1}, "--gpus-per-trial: 1 is more than any node of Ray at .* has; at most 0"),
        ({"modules": ("no_such_net",)}, "no_such_net: node .* cannot import it .*; put it at the same path"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    place: Place, changes: dict[str, Any], message: str
) -> None:
    director = Scripted(jobs(place.run, 1))
    with pytest.raises(InputError, match=message) as raised:
        place.search(director, Steps(), **changes)
    assert "\n" not in str(raised.value)
    assert director.workers == {}


def test_storage_that_only_the_driver_sees(place: Place) -> None:
    """In-process storage stands for a folder that is not shared."""
    with pytest.raises(InputError, match=r"memory://alone is not shared: node .* does not see"):
        place.engine(storage_path="memory://alone").prepare(Steps())


def test_a_node_that_dies_while_it_is_asked_is_left_out(cluster: Any, place: Place) -> None:
    """One node was killed just now, and another never was; each of the others leaves a file."""
    import ray

    storage = open_storage(str(place.shared))
    storage.write_text("asked/driver", "here")
    question = probe.Question(("lcsearch",), Surroundings.here(), "asked/driver", storage)
    never = Node("ab" * 28, "10.9.8.7", {})
    dies = cluster.add_node(num_cpus=1)
    with closing(place.engine()) as engine:
        engine.prepare(Steps())
        kill_node(cluster, dies)
        listed = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        assert dies.node_id in listed
        probe.ask_nodes(question, Steps(), [never, *(Node(name, "10.9.8.6", {}) for name in listed)])
        assert len(list((place.shared / "asked").iterdir())) == 1 + len(listed) - 1
        with pytest.raises(InputError, match=r"^--ray-address: no node is alive .* asked: 10\.9\.8\.7$"):
            probe.ask_nodes(question, Steps(), [never])


def test_a_node_that_lives_is_asked_again_for_a_while(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that died alone looks like one whose node died."""
    with closing(place.engine()) as engine:
        engine.prepare(Fatal(str(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()
    monkeypatch.setattr(probe, "_AGAIN_SECONDS", 1.0)
    with pytest.raises(InputError, match=r"^--ray-address: node \S+ cannot run trials: .*died") as raised:
        place.engine().prepare(Fatal())
    assert "\n" not in str(raised.value)


def test_an_older_cluster(cluster: Any, place: Place) -> None:
    from ray._private.ray_constants import KV_NAMESPACE_CLUSTER
    from ray._raylet import GcsClient

    client = GcsClient(address=cluster.address)
    key, space = b"CLUSTER_METADATA", KV_NAMESPACE_CLUSTER
    true = client.internal_kv_get(key, namespace=space)
    older = json.dumps({**json.loads(true), "ray_version": "2.9.0"}).encode()
    client.internal_kv_put(key, older, True, namespace=space)
    try:
        with pytest.raises(InputError, match=r"runs Ray 2\.9\.0, this machine Ray"):
            place.engine().prepare(Steps())
    finally:
        client.internal_kv_put(key, true, True, namespace=space)


def epochs_of(director: Scripted, number: int) -> list[int]:
    return [epoch for of, epoch in director.epochs if of == number]

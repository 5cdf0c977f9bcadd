"""The Ray engine on a real cluster."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_objectives import Steps, WithData
from ray_cluster import Place, kill_node
from scripted_director import ScriptedDirector, jobs

from lcsearch.core import plugins
from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.job import Verdict

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray clusters are for Linux"),
]


def test_every_way_a_trial_ends(cluster: Any, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    verdicts = {(1, 2): Verdict.STOP, (2, 2): Verdict.SUSPEND}
    director = ScriptedDirector(jobs(place.run, 5), lambda number, epoch: verdicts.get((number, epoch)))
    objective, nodes = Steps(meet=str(place.run / "meeting")), len(cluster.list_all_nodes())
    with closing(place.engine()) as engine:
        engine.prepare(objective)
        assert engine.jobs == nodes >= 2
        assert engine.describe() == f"Ray at {place.address}: {nodes} nodes, {nodes} CPUs"
        engine.run(director, objective)
    assert director.ends == {0: "complete", 1: "complete", 2: "suspended", 3: "failed", 4: "complete"}
    assert director.most_live == nodes
    whole = [1, 2, 3, 4]
    assert [director.epochs(number) for number in range(5)] == [whole, [1, 2], [1, 2], [1], whole]
    [(_, reason)] = director.reasons("failed")
    assert reason.startswith("ValueError: three is no good (")
    assert len({worker for workers in director.workers.values() for worker in workers}) >= 2
    assert (place.run / "trials/4/weights.safetensors").read_text() == "weights 4"
    assert (place.run / "trials/2/checkpoint.pt").read_text() == "2"
    assert [path for path in place.shared.rglob("*") if path.is_file()] == []
    assert capfd.readouterr() == ("", "")
    assert (place.run / "ray" / "ray.log").is_file()


def test_a_suspended_trial_goes_on_where_it_was(place: Place) -> None:
    (place.run / "trials/0").mkdir(parents=True)
    (place.run / "trials/0/checkpoint.pt").write_text("3")
    director = ScriptedDirector(jobs(place.run, 1, resume=True))
    place.search(director, Steps())
    assert director.trained == [(0, 4)]
    assert director.metrics[0]["start"] == 3


def test_a_full_disk_of_a_node_halts_the_run_which_then_goes_on(place: Place, tmp_path: Path) -> None:
    (tmp_path / "full").touch()
    director = ScriptedDirector(jobs(place.run, 3))
    with pytest.raises(HaltError, match=r"^the disk of node \S+ is full$"):
        place.search(director, Steps(full=str(tmp_path / "full")))
    assert director.ends[1] == "epoch"  # it has not failed
    (tmp_path / "full").unlink()
    left = [job for job in jobs(place.run, 3, resume=True) if job.number in {1, *director.live}]
    again = ScriptedDirector(left)
    place.search(again, Steps(full=str(tmp_path / "full")))
    assert again.metrics[1]["start"] == 2
    assert [epoch for number, epoch in again.trained if number == 1] == [3, 4]


def test_data_are_read_once_and_shared(place: Place) -> None:
    director = ScriptedDirector(jobs(place.run, 4))
    place.search(director, WithData(driver=os.getpid()))
    assert sorted(director.metrics) == [0, 1, 2, 3]
    for metrics in director.metrics.values():
        assert metrics["accuracy"] == sum(value % 256 for value in range(100_000))
        assert metrics["taken"] == 1.0
        assert metrics["shared"] == 1.0


def test_a_node_dies_and_another_comes(cluster: Any, place: Place) -> None:
    """A trial's node is killed after epoch 2; another node joins, and the trial goes on."""
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

    numbers = [0, 1, 2, 4, 5]
    director = ScriptedDirector([job for job in jobs(place.run, 6) if job.number in numbers], rule)
    place.search(director, Steps(epochs=6, seconds=0.5, meet=str(place.run / "meeting")))
    killed = changes["killed"]
    [(lost, reason)] = director.reasons("lost")
    assert lost == killed and reason.startswith("the worker was lost: ")
    assert director.metrics[killed]["start"] >= 2
    assert sorted(director.metrics) == numbers
    assert all(set(director.epochs(number)) == {1, 2, 3, 4, 5, 6} for number in numbers)
    assert len(director.trained) == len(set(director.trained))  # none twice
    used = {worker.split("/")[1] for workers in director.workers.values() for worker in workers}
    assert changes["added"] in used


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"storage_path": None}, r"^storage_path: is needed, because Ray at .* has \d nodes"),
        ({"cpus_per_trial": 64}, "^cpus_per_trial: 64 is more than any node of Ray at .* has; at most 1"),
        ({"gpus_per_trial": 1}, "^gpus_per_trial: 1 is more than any node of Ray at .* has; at most 0"),
        ({"modules": ("no_such_net",)}, "^no_such_net: node .* cannot import it .*; put it at the same path"),
        (
            {"plugins": ((plugins.BACKBONE, "their-net"),)},
            "^node .*: backbone: there is no backbone 'their-net'.*; install there what the driver has$",
        ),
        ({"storage_path": "memory://alone"}, "^storage_path: memory://alone is not shared: node .* does not"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    place: Place, changes: dict[str, Any], message: str
) -> None:
    """Storage in the memory of a process stands for a folder that is not shared."""
    director = ScriptedDirector(jobs(place.run, 1))
    with pytest.raises(InputError, match=message) as raised:
        place.search(director, Steps(), **changes)
    assert "\n" not in str(raised.value)
    assert director.workers == {}


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

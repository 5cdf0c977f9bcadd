"""Nodes are asked whether trials can run there, also those that die meanwhile."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_objectives import Fatal, Steps
from ray_cluster import Place, kill_node

from lcsearch.core.errors import InputError
from lcsearch.engines.ray import node_check
from lcsearch.engines.ray.cluster import Node
from lcsearch.engines.ray.driver_place import DriverPlace
from lcsearch.engines.ray.storage import open_storage

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray clusters are for Linux"),
]


def test_a_node_that_dies_while_it_is_asked_is_left_out(cluster: Any, place: Place) -> None:
    """One node was killed just now, and another never was; each of the others leaves a file."""
    import ray

    storage = open_storage(str(place.shared))
    storage.write_text("asked/driver", "here")
    question = node_check.Question(("lcsearch",), DriverPlace.here(), "asked/driver", storage)
    never = Node("ab" * 28, "10.9.8.7", {})
    dies = cluster.add_node(num_cpus=1)
    with closing(place.engine()) as engine:
        engine.prepare(Steps())
        kill_node(cluster, dies)
        listed = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        assert dies.node_id in listed
        node_check.ask_nodes(question, Steps(), [never, *(Node(name, "10.9.8.6", {}) for name in listed)])
        assert len(list((place.shared / "asked").iterdir())) == 1 + len(listed) - 1
        with pytest.raises(InputError, match=r"^ray_address: no node is alive .* asked: 10\.9\.8\.7$"):
            node_check.ask_nodes(question, Steps(), [never])


@pytest.mark.long
def test_a_node_that_lives_is_asked_again_for_a_while(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that died alone looks like one whose node died."""
    with closing(place.engine()) as engine:
        engine.prepare(Fatal(str(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()
    monkeypatch.setattr(node_check, "_AGAIN_SECONDS", 1.0)
    with pytest.raises(InputError, match=r"^ray_address: node \S+ cannot run trials: .*died") as raised:
        place.engine().prepare(Fatal())
    assert "\n" not in str(raised.value)

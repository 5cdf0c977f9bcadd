"""How many trials a machine takes."""

from __future__ import annotations

from lcsearch.engines.ray.cluster import Node


def test_a_node_fits_as_many_trials_as_its_scarcest_resource() -> None:
    node = Node("a", "10.0.0.1", {"CPU": 16.0, "GPU": 2.0})
    assert node.fits({"CPU": 1.0, "GPU": 0.25}) == 8
    assert node.fits({"CPU": 3.0}) == 5
    assert node.fits({"CPU": 0.1}) == 160
    assert node.fits({"CPU": 1.0, "TPU": 1.0}) == 0

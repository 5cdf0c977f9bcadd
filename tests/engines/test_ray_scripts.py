"""What can be checked of the cluster files without a cluster to launch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

SCRIPTS = Path(__file__).parent.parent.parent / "scripts" / "cluster"


def read(name: str) -> dict[str, Any]:
    plain = yaml.safe_load((SCRIPTS / name).read_text())
    assert isinstance(plain, dict)
    return plain


def test_the_launcher_file_satisfies_rays_schema() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = util.prepare_config(read("ray_up.yaml"))
    util.validate_config(config)
    assert config["provider"]["worker_ips"] == ["10.0.0.2", "10.0.0.3"]
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    assert all("RAY_AUTH_MODE=token" in command for command in commands if "ray start" in command)


def test_the_kuberay_job_is_whole() -> None:
    job = read("kuberay_job.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    entrypoint = job["spec"]["entrypoint"].split()
    places = [entrypoint[entrypoint.index(option) + 1] for option in ("--storage-path", "--out")]
    for group in groups:
        pod = group["template"]["spec"]
        [container] = pod["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
        assert all(place.startswith(mounts["shared"]) for place in places)
        assert container["resources"]["limits"] == container["resources"]["requests"]
    assert len({group["template"]["spec"]["containers"][0]["image"] for group in groups}) == 1


def test_the_files_name_options_that_exist() -> None:
    from lcsearch.cli.run import run

    known = {option for parameter in run.params for option in parameter.opts}
    for file in SCRIPTS.iterdir():
        text = file.read_text()
        for option in ("--engine", "--ray-address", "--storage-path", "--gpus-per-trial", "--out"):
            assert option not in text or option in known

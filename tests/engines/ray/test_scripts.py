"""What can be checked of the cluster files without a cluster to launch."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from lcsearch.cli.run import run

SCRIPTS = Path(__file__).parents[3] / "scripts" / "cluster"


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


def arguments(text: str) -> list[str]:
    """What a text gives to ``lcsearch run``, to the end of the text or of the string that holds it."""
    _, found, rest = text.partition("lcsearch run ")
    assert found
    return shlex.split(rest.partition('"')[0])


def test_the_commands_of_the_files_are_understood() -> None:
    """The command line itself reads them, and runs nothing."""
    comments = [line for line in (SCRIPTS / "ray_up.yaml").read_text().splitlines() if line.startswith("#")]
    for text in (
        read("kuberay_job.yaml")["spec"]["entrypoint"],
        " ".join(line.removeprefix("#") for line in comments),
    ):
        read_as = run.make_context("run", arguments(text)).params
        assert read_as["engine"] == "ray" and read_as["ray_address"] == "auto"
        assert str(read_as["storage_path"]).startswith("/shared/")


def test_an_option_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        run.make_context("run", arguments("lcsearch run --backbone vgg11 --storage-paht /shared"))

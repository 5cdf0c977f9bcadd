"""Two nodes with addresses of their own, in network namespaces joined by a cable that can be cut."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcsearch.cli.run import run

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TESTS = Path(__file__).parents[2]
SCRIPTS = TESTS.parent / "scripts" / "cluster"
HEAD, OTHER = "10.213.7.1", "10.213.7.2"
_FAST_DETECTION = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "2",
}
_DRIVER = """
import json, subprocess, sys
from contextlib import closing
from pathlib import Path
sys.path.insert(0, {tests!r})
import ray.cloudpickle, engine_objectives
from scripted_director import ScriptedDirector, jobs
from lcsearch.engines import EngineSettings
from lcsearch.engines.ray.engine import RayEngine
ray.cloudpickle.register_pickle_by_value(engine_objectives)
cut = []
def rule(number, epoch):
    worker = director.workers[number][-1]
    if not cut and epoch == 2 and worker.startswith({other!r}):
        cut.append(number)
        subprocess.run(["ip", "link", "set", {cable!r}, "down"], check=True)
director = ScriptedDirector(jobs(Path("run"), 2), rule)
settings = EngineSettings(Path("run"), ray_address=sys.argv[1], storage_path="shared")
objective = engine_objectives.Steps(epochs=5, seconds=0.5, meet=str(Path("meeting").absolute()))
with closing(RayEngine(settings)) as engine:
    engine.prepare(objective)
    engine.run(director, objective)
starts = {{number: metrics["start"] for number, metrics in director.metrics.items()}}
epochs = [director.epochs(number) for number in (0, 1)]
told = dict(cut=cut, workers=director.workers, starts=starts, lost=director.reasons("lost"))
told.update(epochs=epochs, trained=director.trained)
print(json.dumps(told))
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Machines:
    """Two network namespaces, each with one end of a cable."""

    def __init__(self, folder: Path) -> None:
        mark = f"{os.getpid() % 100_000}"
        self.names = (f"lcs{mark}a", f"lcs{mark}b")
        self.cables = (f"lcv{mark}a", f"lcv{mark}b")
        self._folder = folder

    def make(self) -> None:
        ip("link", "add", self.cables[0], "type", "veth", "peer", "name", self.cables[1])
        for name, cable, address in zip(self.names, self.cables, (HEAD, OTHER), strict=True):
            ip("netns", "add", name)
            ip("link", "set", cable, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", cable)
            ip("-n", name, "link", "set", cable, "up")
            ip("-n", name, "link", "set", "lo", "up")

    def call(self, machine: int, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self._folder / "token")}
        path = f"{self._folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        quiet = {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", "PATH": path}
        return subprocess.run(
            ["ip", "netns", "exec", self.names[machine], *command],
            cwd=self._folder,
            env={**os.environ, **_FAST_DETECTION, **quiet, **token, **variables},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def remove(self) -> None:
        for name in self.names:
            pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
            for pid in pids.stdout.split():
                subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self.cables[0]], check=False, capture_output=True)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    made = Machines(tmp_path)
    try:
        made.make()
    except subprocess.CalledProcessError as error:
        made.remove()
        pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
    yield made
    made.remove()


def start_ray(machines: Machines, temporary: Path) -> None:
    """As the guide says: the script for two machines by hand."""
    head = ["head", f"--node-ip-address={HEAD}", "--num-cpus=1", f"--temp-dir={temporary}"]
    worker = ["worker", f"{HEAD}:6379", f"--node-ip-address={OTHER}", "--num-cpus=1"]
    for machine, arguments in enumerate((head, worker)):
        done = machines.call(machine, str(SCRIPTS / "by_hand.sh"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_token_is_refused_and_a_cable_is_cut(machines: Machines, tmp_path: Path) -> None:
    """Both machines work; when one cannot be reached any more its trial goes on at the other.

    The driver authenticates where it has the token: by itself with ``auto``, else if RAY_AUTH_MODE says so.
    """
    (tmp_path / "token").write_text("7" * 64)
    temporary = Path("/tmp") / f"lcsray{os.getpid()}"
    try:
        start_ray(machines, temporary)
        script = _DRIVER.format(tests=str(TESTS), other=OTHER, cable=machines.cables[0])
        drive = [sys.executable, "-c", script]
        refused = machines.call(0, *drive, f"{HEAD}:6379", RAY_AUTH_MODE="disabled")
        none = machines.call(0, *drive, f"{HEAD}:6379", RAY_AUTH_TOKEN_PATH="nowhere")
        done = machines.call(0, "env", "-u", "RAY_AUTH_MODE", *drive, "auto", RAY_ADDRESS=f"{HEAD}:6379")
        assert done.returncode == 0, done.stderr
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    assert (
        f"InputError: ray_address: {HEAD}:6379 refuses this machine's token; set RAY_AUTH" in refused.stderr
    )
    assert f"InputError: ray_address: {HEAD}:6379: RAY_AUTH_TOKEN_PATH is set but file" in none.stderr
    told = json.loads(done.stdout)
    [cut] = told["cut"]
    addresses = {number: [w.split("/")[0] for w in workers] for number, workers in told["workers"].items()}
    assert addresses[str(cut)] == [OTHER, HEAD]
    assert told["starts"][str(cut)] >= 2
    assert [set(epochs) for epochs in told["epochs"]] == [{1, 2, 3, 4, 5}] * 2
    assert len(told["trained"]) == len(set(map(tuple, told["trained"])))  # none twice
    assert len(told["lost"]) == 1


_STAND_INS = {
    "scontrol": "printf '%s\\n' a b",
    "srun": """
        while [ "$1" != -w ]; do shift; done
        case $2 in a) machine={a} address={head} ;; b) machine={b} address={other} ;; esac
        shift 2
        [ "$1" = hostname ] && exec echo "$address"
        extra=; [ "$machine" = {a} ] && extra=--temp-dir={temporary}
        exec ip netns exec "$machine" "$@" --node-ip-address="$address" $extra""",
    "lcsearch": """
        echo "lcsearch $*"
        exec {python} -c "
import ray, sys, time
ray.init('{head}:25678', log_to_driver=False, logging_level='ERROR')
end = time.monotonic() + 60
while len(ray.nodes()) < 2 and time.monotonic() < end:
    time.sleep(0.2)
print('nodes', sorted(node['NodeManagerAddress'] for node in ray.nodes()))" """,
}


def test_the_slurm_script_joins_its_nodes(machines: Machines, tmp_path: Path) -> None:
    """With stand-ins for SLURM's commands and for lcsearch, which says what it was given and sees."""
    temporary = Path("/tmp") / f"lcsray{os.getpid()}s"
    (tmp_path / "bin").mkdir()
    for name, text in _STAND_INS.items():
        file = tmp_path / "bin" / name
        names = dict(zip("ab", machines.names, strict=True))
        python = sys.executable
        file.write_text("#!/bin/bash" + "\n" + text.format(
            head=HEAD, other=OTHER, temporary=temporary, python=python, **names
        ))  # fmt: skip
        file.chmod(0o755)
    try:
        done = machines.call(
            0, str(SCRIPTS / "slurm.sh"), "--backbone", "vgg11",
            SLURM_SUBMIT_DIR=str(tmp_path), SLURM_JOB_ID="5678", SLURM_JOB_NODELIST="a,b",
        )  # fmt: skip
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    where = f"--engine ray --ray-address {HEAD}:25678 --storage-path {tmp_path}/checkpoints"
    asked = f"lcsearch run --out {tmp_path}/runs/lcsearch {where} --backbone vgg11"
    assert f"{asked}\n" in done.stdout
    run.make_context("run", asked.split()[2:])  # the command line understands it
    assert f"nodes ['{HEAD}', '{OTHER}']" in done.stdout
    assert not list(tmp_path.glob(".ray-token*"))

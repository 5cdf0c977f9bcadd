"""The real search, training on digits, by the Ray engine: the same trials as by the local one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ray_objectives import Steps

from lcsearch.engines.ray import RayEngine, RaySettings
from lcsearch.reading import read_run
from lcsearch.records import TrialRecord

HERE = Path(__file__).parent
_RUN = (
    "run --backbone tiny_net:tiny --dataset digits --train-images 1000 --validation-images 200 --trials 5 "
    "--epochs 3 --batch-size 16 --seed 5 --jobs 1 --device cpu"
)


def start(arguments: str) -> subprocess.Popen[str]:
    """lcsearch in a process of its own, where the user's net lies in the current folder."""
    code = "import sys; from lcsearch.cli.main import main; sys.argv[0] = 'lcsearch'; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments.split()],
        cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return out + errors


def outline(run: Path) -> list[tuple[object, ...]]:
    """What must be identical: everything but times and places, and the weights."""
    return [(*_outline(trial), _weights(run, trial)) for trial in read_run(run).trials]


def _outline(trial: TrialRecord) -> tuple[object, ...]:
    epochs = tuple((e.epoch, e.accuracy, e.train_loss) for e in trial.epochs)
    return (trial.number, trial.state, trial.spec, trial.params, trial.accuracy, trial.decisions, epochs)


def _weights(run: Path, trial: TrialRecord) -> bytes:
    file = run / "trials" / str(trial.number) / "weights.safetensors"
    return file.read_bytes() if file.exists() else b""


@pytest.fixture(scope="module")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The undisturbed run, by the local engine."""
    run = tmp_path_factory.mktemp("local") / "run"
    finish(start(f"{_RUN} --engine local --out {run}"))
    return run


def test_ray_gives_what_local_gives_although_it_is_killed(local_run: Path, tmp_path: Path) -> None:
    """Ray's driver is killed after trial 1's first epoch; what goes on equals the undisturbed local run."""
    run = tmp_path / "run"
    driver = start(f"{_RUN} --engine ray --out {run}")
    wait_for(driver, run / "trials" / "1" / "checkpoint.pt")
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    before = read_run(run).trials
    assert before[-1].state == "running"
    said = finish(start(f"resume {run}"))
    assert "Ray on this machine: 1 node" in said
    trials = read_run(run).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert {trial.state for trial in trials} <= {"complete", "pruned"}
    for trial in trials:
        assert [epoch.epoch for epoch in trial.epochs] == list(range(1, len(trial.epochs) + 1))
    assert trials[0].epochs == before[0].epochs  # trained once, before the kill
    assert len(outline(local_run)) >= 5
    assert outline(run) == outline(local_run)
    assert max(trial.accuracy or 0 for trial in trials) > 20  # it learns: chance is 10


def wait_for(process: subprocess.Popen[str], file: Path) -> None:
    end = time.monotonic() + 200
    while not file.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{file} was never written"
        time.sleep(0.02)


def test_a_ray_of_our_own_listens_on_loopback_only(tmp_path: Path) -> None:
    """Its ports answer on 127.0.0.1 and nowhere else; it is gone at the end, with its folder."""
    import ray

    engine = RayEngine(RaySettings(tmp_path, jobs=3, temporary=tmp_path))
    engine.prepare(Steps())
    try:
        assert engine.jobs == 3
        assert engine.describe().startswith("Ray on this machine: 1 node")
        [node] = ray.nodes()
        ports = [node["NodeManagerPort"], node["ObjectManagerPort"]]
        ports.append(int(ray.get_runtime_context().gcs_address.split(":")[1]))
        assert [answers("127.0.0.1", port) for port in ports] == [True, True, True]
        assert [address for address in own_addresses() for port in ports if answers(address, port)] == []
    finally:
        engine.close()
    assert not answers("127.0.0.1", ports[0])
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("lcs")]


def answers(address: str, port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(2)
        return caller.connect_ex((address, port)) == 0


def own_addresses() -> list[str]:
    """Addresses of this machine that others could reach."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
    return [address for address in found if "." in address and not address.startswith("127.")]


def test_what_is_wrong_with_ray_is_one_line(tmp_path: Path) -> None:
    process = start(f"{_RUN} --engine ray --ray-address 127.0.0.1:1 --out {tmp_path / 'run'}")
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 2
    assert out == ""
    assert errors.startswith("lcsearch: error: --ray-address: no Ray at ")
    assert errors.count("\n") == 1

"""The real search, training on digits, by the Ray engine: the same trials as by the local one.

Only the driver that is killed is a process of its own; all workers are.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_runs import run_and_signal
from engine_objectives import Steps
from event_files import assert_shown
from outline import outline

from lcsearch.core.errors import HaltError
from lcsearch.engines import EngineSettings
from lcsearch.engines.ray import node_check
from lcsearch.engines.ray.engine import RayEngine
from lcsearch.runs.read import read_run

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TESTS = Path(__file__).parents[2]
EPOCHS = 3
_RUN = (
    "run --backbone tiny_net:tiny --dataset digits --train-images 1000 --validation-images 200 --trials 5 "
    f"--epochs {EPOCHS} --batch-size 16 --seed 5 --jobs 1 --device cpu"
)


@pytest.fixture(scope="module", autouse=True)
def in_the_folder_of_the_net() -> Iterator[None]:
    """The user's net lies in the current folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TESTS)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def call(arguments: str) -> int:
    from lcsearch.cli.main import call

    return call(arguments.split())


def result(run: Path) -> list[tuple[object, bytes]]:
    """What must be identical: everything but times and places, and the weights."""
    trials = read_run(run).trials
    weights = [run / "trials" / str(trial.number) / "weights.safetensors" for trial in trials]
    kept = [file.read_bytes() if file.exists() else b"" for file in weights]
    return list(zip(outline(trials), kept, strict=True))


@pytest.fixture(scope="module")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The undisturbed run, by the local engine."""
    run = tmp_path_factory.mktemp("local") / "run"
    assert call(f"{_RUN} --engine local --out {run}") == 0
    return run


def test_ray_gives_what_local_gives_although_it_is_killed(
    local_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ray's driver is killed after trial 1's first epoch; what goes on equals the undisturbed local run.

    TensorBoard, which follows it, has each trial and each epoch once in the end.
    """
    run, board = tmp_path / "run", tmp_path / "board"
    track = f"--track tensorboard:{board}"
    died = run_and_signal(*f"{_RUN} --engine ray --out {run} {track}".split(), epochs=EPOCHS + 1)
    assert died.returncode == -signal.SIGKILL, died.stderr
    before = read_run(run).trials
    assert [(trial.state, len(trial.epochs)) for trial in before] == [("complete", EPOCHS), ("running", 1)]
    assert (board / "run" / "search").is_dir()
    assert call(f"resume {run}") == 0
    assert "Ray on this machine: 1 node" in capfd.readouterr().err
    assert read_run(run).trials[0].epochs == before[0].epochs  # trained once, before the kill
    assert result(run) == result(local_run)
    assert [place.name for place in board.iterdir()] == ["run"]
    assert_shown(board / "run", read_run(run).trials)
    assert max(trial.accuracy or 0 for trial in read_run(run).trials) > 20  # it learns: chance is 10


def test_a_ray_of_our_own_listens_on_loopback_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ports answer on 127.0.0.1 and nowhere else; it is gone at the end, with its folder."""
    import ray

    with tempfile.TemporaryDirectory() as place:  # of a shorter name than pytest's
        monkeypatch.setattr(tempfile, "tempdir", place)
        with closing(RayEngine(EngineSettings(tmp_path, jobs=3))) as engine:
            engine.prepare(Steps())
            assert len(list(Path(place).glob("lcs*/ray/session_2*"))) == 1
            assert engine.jobs == 3
            assert engine.describe().startswith("Ray on this machine: 1 node")
            [node] = ray.nodes()
            ports = [node["NodeManagerPort"], node["ObjectManagerPort"]]
            ports.append(int(ray.get_runtime_context().gcs_address.split(":")[1]))
            assert [answers("127.0.0.1", port) for port in ports] == [True, True, True]
            assert [at for at in own_addresses() for port in ports if answers(at, port)] == []
        assert not answers("127.0.0.1", ports[0])
        assert list(Path(place).iterdir()) == []


def test_a_ray_of_our_own_that_does_not_answer_is_no_fault_of_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gave one."""
    monkeypatch.setattr(node_check, "_SECONDS", 0.0)
    with (
        closing(RayEngine(EngineSettings(tmp_path, jobs=1))) as engine,
        pytest.raises(HaltError, match=r"^Ray on this machine: node \S+ did not answer within 0 s$"),
    ):
        engine.prepare(Steps())


def answers(address: str, port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(2)
        return caller.connect_ex((address, port)) == 0


def own_addresses() -> list[str]:
    """Addresses of this machine that others could reach."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
    return [address for address in found if "." in address and not address.startswith("127.")]


def test_what_is_wrong_with_ray_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(f"{_RUN} --engine ray --ray-address 127.0.0.1:1 --out {tmp_path / 'run'}") == 2
    out, errors = capfd.readouterr()
    assert out == ""
    assert errors.startswith("lcsearch: error: --ray-address: no Ray at ")
    assert errors.count("\n") == 1

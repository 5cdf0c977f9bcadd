"""The local engine with more and fewer worker processes while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from engine_objectives import LooksAndDies, Multiplies, Paces, Waits
from scripted_director import SPEC, ScriptedDirector, jobs

from lcsearch import engines
from lcsearch.core import device
from lcsearch.core.device import DeviceMemory
from lcsearch.core.job import Objective
from lcsearch.core.look import Look, Prospect
from lcsearch.core.machine import cores
from lcsearch.core.pace import Pace
from lcsearch.engines import EngineSettings, local
from lcsearch.engines._crew import FoundOut
from lcsearch.engines.local import LocalEngine

pytestmark = pytest.mark.slow


@dataclass
class Told:
    """A crew of the size that the test says, asked at each look of the engine."""

    say: Callable[[int, int], int] = lambda looks, number: number
    number: int = 1
    found: bool = False
    looks: int = 0
    workers: list[int] = field(default_factory=list)
    heard: list[tuple[int, Pace]] = field(default_factory=list)
    full_at: list[int] = field(default_factory=list)

    def hear(self, trial: int, pace: Pace) -> None:
        self.heard.append((trial, pace))

    def look(self, workers: int) -> None:
        self.workers.append(workers)
        self.looks += 1
        self.number = self.say(self.looks, self.number)

    def crowded(self, at_once: int) -> None:
        self.full_at.append(at_once)
        self.number = at_once - 1


def run(crew: Told, folder: Path, count: int, objective: Objective) -> ScriptedDirector:
    for number in range(count):
        (folder / "trials" / str(number)).mkdir(parents=True)
    director = ScriptedDirector(jobs(folder, count))
    with closing(LocalEngine(crew)) as engine:
        engine.prepare(objective)
        engine.run(director, objective)
    return director


def test_workers_come_and_go_while_trials_run(tmp_path: Path) -> None:
    """One; three once the first trial runs; two once these do, when the first to end goes home."""

    def say(looks: int, number: int) -> int:
        if number == 1 and (tmp_path / "began 0").exists():
            return 3
        if number == 3 and all((tmp_path / f"began {trial}").exists() for trial in range(3)):
            for trial in range(5):
                (tmp_path / str(trial)).touch()
            return 2
        return number

    crew = Told(say)
    director = run(crew, tmp_path, 5, Waits(str(tmp_path)))
    assert sorted(director.metrics) == [0, 1, 2, 3, 4] and director.most_live == 3
    steps = [crew.workers[0], *(b for a, b in zip(crew.workers, crew.workers[1:], strict=False) if a != b)]
    assert steps in ([1, 2, 3, 2], [1, 3, 2])
    names = [name for trial in range(5) for name in director.workers[trial]]
    assert names[:3] == ["local:0", "local:1", "local:2"] and set(names[3:]) < {
        "local:0",
        "local:1",
        "local:2",
    }
    assert len({metrics["process"] for metrics in director.metrics.values()}) == 3
    for metrics in director.metrics.values():
        with pytest.raises(ProcessLookupError):
            os.kill(int(metrics["process"]), 0)


def test_a_trial_that_finds_the_device_full_beside_another_is_tried_again_beside_fewer(
    tmp_path: Path,
) -> None:
    def say(looks: int, number: int) -> int:
        if (tmp_path / "began 0").exists():
            (tmp_path / "1").touch()
        if crew.full_at:
            (tmp_path / "0").touch()
        return number

    crew = Told(say, number=2)
    director = run(crew, tmp_path, 2, Waits(str(tmp_path), full=True))
    assert director.reasons("lost") == [(1, "the device's memory was full with 2 trials at once")]
    assert crew.full_at == [2] and director.metrics[1]["attempt"] == 1


def test_alone_it_has_failed(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    (tmp_path / "0").touch()
    crew = Told(number=1)
    director = run(crew, tmp_path, 2, Waits(str(tmp_path), full=True))
    [(number, reason)] = director.reasons("failed")
    assert number == 1 and reason.startswith("OutOfMemoryError: no memory (") and not crew.full_at


@pytest.mark.parametrize(("told", "stretches"), [(True, 2), (False, 1)])
def test_how_fast_trials_go_is_heard_by_steps_or_else_by_epochs(
    tmp_path: Path, told: bool, stretches: int
) -> None:
    """The first epoch of a loop that tells no steps is also its start."""
    crew = Told()
    run(crew, tmp_path, 1, Paces(told))
    assert [(trial, pace.steps) for trial, pace in crew.heard] == [(0, 5 if told else 1)] * stretches


def test_what_nobody_wants_to_know_is_not_told(tmp_path: Path) -> None:
    crew = Told(found=True)
    run(crew, tmp_path, 1, Paces(True))
    assert crew.heard == []


def test_a_look_at_candidates_says_nothing_of_how_fast_trials_go(tmp_path: Path) -> None:
    prospects = tuple(Prospect(place, SPEC.model) for place in range(3))
    crew, director = Told(), ScriptedDirector([Look(-1, prospects, str(tmp_path), 8, (4, 8))])
    with closing(LocalEngine(crew)) as engine:
        engine.run(director, LooksAndDies(seconds=0))
    assert director.metrics[-1] == {"answers": 111.0} and crew.heard == []


def test_trials_that_only_wait_run_as_many_at_once_as_there_may_be(tmp_path: Path) -> None:
    """There are trials until it is found out, however slowly a busy machine starts workers."""
    crew, most = FoundOut(2, lambda: None), 200
    for number in range(most):
        (tmp_path / "trials" / str(number)).mkdir(parents=True)

    def no_more_once_found(number: int, epoch: int) -> None:
        if crew.found:
            director.queue.clear()

    director = ScriptedDirector(jobs(tmp_path, most), no_more_once_found)
    with closing(LocalEngine(crew)) as engine:
        assert engine.describe() == "1 process on this machine, trying how many pay"
        engine.run(director, Paces(steps=40))
        assert set(director.ends.values()) == {"complete"} and len(director.metrics) < most
        assert director.most_live == 2
        assert engine.describe() == "2 processes on this machine"


def test_on_a_cpu_it_is_a_process_a_core(tmp_path: Path) -> None:
    engine = engines.find("local")(EngineSettings(tmp_path, device="cpu"))
    assert engine.jobs == cores() == len(os.sched_getaffinity(0)) and "trying" not in engine.describe()
    assert engines.find("local")(EngineSettings(tmp_path, jobs=3)).jobs == 3


def test_with_a_number_it_needs_no_pytorch() -> None:
    """A worker imports the engine too, and trains by what its objective brings."""
    code = (
        "import sys; from pathlib import Path; from lcsearch.engines import EngineSettings, local;"
        "local.make(EngineSettings(Path(), jobs=2)); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_where_memory_of_a_device_is_known_the_number_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "device_memory", {"cuda": DeviceMemory(8, 10), "mps": None}.get)
    monkeypatch.setattr(local, "cores", lambda: 4)
    made = {name: engines.find("local")(EngineSettings(tmp_path, device=name)) for name in ("cuda", "mps")}
    assert made["cuda"].describe() == "1 process on this machine, trying how many pay"
    assert made["mps"].describe() == "1 process on this machine"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_trials_run_beside_each_other_within_its_memory(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / "trials" / str(number)).mkdir(parents=True)
    director = ScriptedDirector(jobs(tmp_path, 40))
    with closing(engines.find("local")(EngineSettings(tmp_path, device="cuda"))) as engine:
        engine.run(director, Multiplies())
        assert {metrics["accuracy"] for metrics in director.metrics.values()} == {64.0}
        assert len(director.metrics) == 40 and 1 <= director.most_live <= cores()

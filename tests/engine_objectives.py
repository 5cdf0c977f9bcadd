"""Objectives that run in worker processes of an engine: they train nothing."""

from __future__ import annotations

import errno
import gc
import os
import signal
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lcsearch.core.job import Job, Report
from lcsearch.core.look import Look
from lcsearch.core.pace import paced

if TYPE_CHECKING:
    import torch

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Steps:
    """Counts epochs, keeps the count in a checkpoint and goes on from it; trial 3 raises.

    The metrics tell which epochs this attempt has trained. While the file ``full`` is there, trial 1 finds
    no room on its disk after two epochs. With a folder ``meet`` trials 0 and 1 wait there for each other, as
    Tune gives a trial whose worker has not started yet to one that has ended its own: a single worker might
    run them all.
    """

    epochs: int = 4
    seconds: float = 0.05
    full: str = ""
    meet: str = ""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        checkpoint = Path(job.directory) / CHECKPOINT
        done = int(checkpoint.read_text()) if job.resume and checkpoint.exists() else 0
        start = done
        if self.meet and job.number < 2:
            _meet(Path(self.meet), str(job.number))
        if done > 0 and not report(done, {"accuracy": float(done)}):
            return {"accuracy": float(done), "start": float(start)}
        for epoch in range(done + 1, self.epochs + 1):
            time.sleep(self.seconds)
            if job.number == 1 and epoch == 3 and Path(self.full).is_file():
                raise OSError(errno.ENOSPC, "No space left on device")
            checkpoint.write_text(str(epoch))
            if not report(epoch, {"accuracy": float(epoch), "trained": 1.0}):
                break
            if job.number == 3:
                raise ValueError("three is\nno good")
        (Path(job.directory) / "weights.safetensors").write_text(f"weights {job.number}")
        checkpoint.unlink()
        return {"accuracy": float(epoch), "start": float(start), "process": float(os.getpid())}


@dataclass(frozen=True)
class Mortal:
    """Trial 1 kills its own process at its first attempt, trial 2 at each."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        report(1, {"accuracy": 1.0})
        if (job.number == 1 and job.attempt == 0) or job.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"accuracy": 2.0, "attempt": float(job.attempt)}


@dataclass(frozen=True)
class LooksAndDies(Steps):
    """Returns what it was answered, 1 for going on, as digits; at look -2 it kills its own process."""

    def look(self, look: Look, report: Report) -> Mapping[str, float]:
        told = [report(place, {"place": float(place)}) for place in range(1, 1 + len(look.prospects))]
        if look.number == -2:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"answers": float("".join(str(int(answer)) for answer in told))}


def _meet(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).touch()
    end = time.monotonic() + 200
    while len(list(folder.iterdir())) < 2:
        assert time.monotonic() < end, "the other trial has not begun"
        time.sleep(0.05)


@dataclass(frozen=True)
class Waits:
    """Each trial runs until its number is a file's name in a folder; trial 1 may find a full device first."""

    folder: str
    full: bool = False

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        import torch

        folder = Path(self.folder)
        if self.full and (job.number, job.attempt) == (1, 0):
            wait_for(folder / "1")
            raise torch.OutOfMemoryError("no memory")
        (folder / f"began {job.number}").touch()
        wait_for(folder / str(job.number))
        return {"accuracy": 1.0, "process": float(os.getpid()), "attempt": float(job.attempt)}


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + 200
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.02)


@dataclass(frozen=True)
class Paces:
    """Two epochs of steps that take no processor, told of or, where ``told`` is false, not."""

    told: bool = True
    steps: int = 5

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        for epoch in (1, 2):
            for _ in paced(range(self.steps)) if self.told else range(self.steps):
                time.sleep(0.06)
            report(epoch, {"accuracy": 1.0})
        return {"accuracy": 1.0}


@dataclass(frozen=True)
class Multiplies:
    """Steps of small products on a GPU."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        import torch

        matrix = torch.eye(64, device="cuda")
        for _ in paced(range(20_000)):
            matrix = matrix @ matrix
        report(1, {"accuracy": float(matrix.sum())})
        return {"accuracy": float(matrix.sum())}


@dataclass(frozen=True)
class Fatal:
    """A process that loads it dies of it; with a path, only where no other did before."""

    path: str = ""

    def __reduce__(self) -> tuple[Callable[[str], Steps], tuple[str]]:
        return _die_of_it, (self.path,)

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        raise AssertionError("whoever loads it is dead")


def _die_of_it(path: str) -> Steps:
    if path and Path(path).exists():
        return Steps()
    if path:
        Path(path).touch()
    os._exit(1)


@dataclass(frozen=True)
class WithData:
    """Sums an image tensor that only the driver may read, and says whether it was copied."""

    driver: int

    def data(self) -> dict[str, torch.Tensor]:
        import torch

        assert os.getpid() == self.driver, "a worker read the data for itself"
        return {"images": torch.arange(100_000, dtype=torch.uint8), "labels": torch.arange(10)}

    def use_data(self, data: dict[str, torch.Tensor]) -> None:
        _data.append(data)

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        images = _data[-1]["images"]
        report(1, {"accuracy": 1.0})
        return {
            "accuracy": float(images.sum()),
            "taken": float(len(_data)),
            "shared": float(_lies_in_shared_memory(images.data_ptr())),
        }


_data: list[dict[str, torch.Tensor]] = []


def _lies_in_shared_memory(address: int) -> bool:
    """Whether an address belongs to a mapping of Ray's object store."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, high = (int(part, 16) for part in line.split()[0].split("-"))
        if low <= address < high:
            return "plasma" in line or "/dev/shm" in line
    return False


_LEFT = list[weakref.ref[Callable[[int], None]]]()


@dataclass(frozen=True)
class Leaves:
    """Each job leaves a function that refers to itself, and tells how many of others are still there."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        gc.disable()  # where that is freed by chance, too

        def step(number: int) -> None:
            if number:
                step(number - 1)

        there = sum(one() is not None for one in _LEFT)
        _LEFT.append(weakref.ref(step))
        return {"accuracy": float(there)}

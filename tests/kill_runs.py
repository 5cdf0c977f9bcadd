"""Kills runs of `lcsearch.search` at random moments and goes on with them; a program of its own.

Everything is imported once, then each session is a fork of this process, so that it costs no seconds of
imports and a kill lands in the search. Prints one JSON object.
"""

from __future__ import annotations

import ctypes
import json
import math
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import simulated_objectives as simulated
from outline import outline

import lcsearch
from lcsearch.core.job import Objective
from lcsearch.engines import local
from lcsearch.runs.read import read_run

_work = local._work
PR_SET_CHILD_SUBREAPER = 36
ASKED = {
    "backbone": "simulated_objectives:net", "num_classes": 10, "in_channels": 1, "image_size": 8,
    "validation_images": 1000, "trials": 10, "epochs": 9, "jobs": 1, "device": "cpu", "quiet": True,
}  # fmt: skip


def work(pipe: Connection, objective: Objective, begun: int, paced: bool) -> None:
    """A forked worker: it must not hold its driver's end of the pipe, or it would never hear it close."""
    for place in list(Path("/proc/self/fd").iterdir()):
        if (
            place.is_symlink()
            and str(place.readlink()).startswith("socket:")
            and int(place.name) != pipe.fileno()
        ):
            os.close(int(place.name))
    _work(pipe, objective, begun, paced)


def begin(out: Path) -> int:
    """Start a search in a process of its own, in a process group of its own."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    try:
        lcsearch.search(None, simulated.chained, **ASKED, out=out)  # type: ignore[arg-type]
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def killed(pid: int, out: Path, states: int, seconds: float) -> bool:
    """Kill a session with SIGKILL so many seconds after so many checkpoints; False if it had finished.

    What it has written says how far it is, on a machine that is busy too.
    """
    before, new, end = checkpoints(out), set[str](), math.inf
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert status == 0, f"a session ended with status {status}"
            return False
        new |= checkpoints(out) - before
        if len(new) >= states:
            end = min(end, time.monotonic() + seconds)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_for_workers(pid)
    return True


def checkpoints(out: Path) -> set[str]:
    """What the checkpoints hold that are there now; each epoch's is another."""
    found = set()
    for path in out.glob("trials/*/checkpoint.pt"):
        with suppress(FileNotFoundError):  # its trial has just ended
            found.add(path.read_text())
    return found


def wait_for_workers(group: int) -> None:
    """Orphans come to this process; each must end by itself."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            os.waitpid(-group, os.WNOHANG)
        except ChildProcessError:
            return
        time.sleep(0.005)
    raise AssertionError("a worker outlived its driver")


def finish(out: Path) -> None:
    """Let a run come to its end."""
    _, status = os.waitpid(begin(out), 0)
    assert status == 0, f"a session ended with status {status}"


def went_on(runs: list[Path]) -> int:
    """Trials that began again from a checkpoint."""
    begun = [file.read_text().split() for run in runs for file in run.glob("trials/*/begun")]
    return sum(any(int(epoch) > 0 for epoch in epochs) for epochs in begun)


def main(folder: Path, kills: int, seed: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    local._START = multiprocessing.get_context("fork")  # type: ignore[assignment]
    local._work = work
    moments = random.Random(seed)
    finish(folder / "whole")
    done, runs = 0, [folder / "killed-0"]
    while done < kills or (done < 10 * kills and not went_on(runs)):
        if killed(begin(runs[-1]), runs[-1], moments.randint(0, 12), moments.uniform(0, 0.1)):
            done += 1
        else:
            runs.append(folder / f"killed-{len(runs)}")
    finish(runs[-1])
    whole = outline(read_run(folder / "whole").trials)
    same = [outline(read_run(run).trials) == whole for run in runs]
    print(json.dumps({"kills": done, "identical": same, "went_on": went_on(runs)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
